"""A simulated NI gRPC Device Server with one device, for the unmodified nidaqmx package.

A twin adds the calls that its part of the device answers; any other is
UNIMPLEMENTED. Errors are answered as NI's server does: status UNKNOWN, and the
code in the trailing metadata.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import grpc
import session_pb2
from nidaqmx._stubs import nidaqmx_pb2 as pb

from hil.twin.base import Twin

if TYPE_CHECKING:
    from hil.twin.base import Scene

# Attributes by their number in NIDAQmx.h
_VERSION: Final = {0x1272: 24, 0x1923: 5, 0x2F22: 0}  # READ_ALL_AVAILABLE works differently before 24.5
_PRODUCT_TYPE, _SERIAL, _TASK_NAME = 0x631, 0x632, 0x1276

Task = TypeVar("Task")
Call = Callable[[Any], "dict[str, Any] | bytes"]
"""Takes the request; returns the fields of the response, or the response as bytes."""


class Refused(Exception):
    """DAQmx says no: its code, and its text."""


class DaqmxServer(Twin, Generic[Task]):
    """The server, on loopback: its life, its faults, the device's identity, and tasks by name.

    A task outlives the connection that made it, as on NI's server.
    """

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._device = str(scene.options.get("device", "Dev1"))
        self._tasks: dict[str, Task] = {}
        self._lock = threading.Lock()
        self._server: Any = None
        self._workers: ThreadPoolExecutor | None = None

    def start(self) -> str:
        """Serve on a free port of 127.0.0.1 and return the address, as the driver expects it."""
        calls: dict[str, Call] = {
            "GetSystemInfoAttributeUInt32": lambda ask: {"value": known(_VERSION, ask)},
            "GetDeviceAttributeString": lambda ask: {"value": self._property(ask)},
            "GetDeviceAttributeUInt32": lambda ask: {"value": self._property(ask)},
            "CreateTask": self._create_task,
            "GetTaskAttributeString": lambda ask: {"value": known({_TASK_NAME: ask.task.name}, ask)},
            "ClearTask": self._clear_task,
            **self._calls(),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                partial(self._answer, call, getattr(pb, f"{name}Response")),
                getattr(pb, f"{name}Request").FromString,
                bytes,
            )
            for name, call in calls.items()
        }
        self._workers = ThreadPoolExecutor(4)
        self._server = grpc.server(
            self._workers, options=(("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0))
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("nidaqmx_grpc.NiDAQmx", handlers),)
        )
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return f"grpc://127.0.0.1:{port}"

    def stop(self) -> None:
        """Stop serving and close every connection; no thread stays behind."""
        if self._server is not None and self._workers is not None:
            self._server.stop(None).wait()
            self._workers.shutdown()

    @abstractmethod
    def _calls(self) -> Mapping[str, Call]:
        """Return what this part of the device answers, by the name of the call."""

    @abstractmethod
    def _new_task(self) -> Task:
        """Return an empty task."""

    @abstractmethod
    def _release(self, task: Task) -> None:
        """End what a task does, before it is removed."""

    def _answer(self, call: Call, response: Callable[..., Any], ask: Any, context: Any) -> bytes:
        now = self.world.now()
        if now >= self.faults.drops_after:
            self._server.stop(None)
            context.abort(grpc.StatusCode.UNAVAILABLE, "the server is gone")
        elif now >= self.faults.silent_after:
            gone = threading.Event()
            if context.add_callback(gone.set):  # False where the caller has gone already
                gone.wait()
        elif now >= self.faults.garbage_after:
            return b"\xff\xfe not a message"
        else:
            try:
                with self._lock:
                    answer = call(ask)
            except Refused as refusal:
                code, text = refusal.args
                context.set_trailing_metadata((("ni-error", str(code)),))
                context.abort(grpc.StatusCode.UNKNOWN, text)
            return answer if isinstance(answer, bytes) else bytes(response(**answer).SerializeToString())
        return b""

    def _property(self, ask: Any) -> Any:
        self._must_be_here(ask.device_name)
        # NI's own simulated devices have the serial number 0 too
        return known({_PRODUCT_TYPE: self.faults.identity or "USB-6366", _SERIAL: 0}, ask)

    def _terminal(self, channel: str) -> str:
        """Return a physical channel without its device, which must be this one."""
        device, _, terminal = channel.partition("/")
        self._must_be_here(device)
        return terminal

    def _must_be_here(self, device: str) -> None:
        if device != self._device:
            raise Refused(-200220, f"Device identifier is invalid. Device Specified: {device}")

    def _task(self, ask: Any) -> Task:
        try:
            return self._tasks[ask.task.name]
        except KeyError:
            raise Refused(-200088, "Task specified is invalid or does not exist.") from None

    def _create_task(self, ask: Any) -> dict[str, Any]:
        name = ask.session_name or f"_unnamedTask<{len(self._tasks)}>"
        new = name not in self._tasks
        if new:
            self._tasks[name] = self._new_task()
        return {"task": session_pb2.Session(name=name), "new_session_initialized": new}

    def _clear_task(self, ask: Any) -> dict[str, Any]:
        self._release(self._task(ask))
        del self._tasks[ask.task.name]
        return {}


def known(attributes: Mapping[int, Any], ask: Any) -> Any:
    """Return the attribute that is asked for."""
    try:
        return attributes[ask.attribute_raw]
    except KeyError:
        raise Refused(-200452, f"Specified property is not supported: 0x{ask.attribute_raw:X}") from None


def unknown_channel(terminal: str) -> Refused:
    """Return the refusal of a channel that the device does not have."""
    return Refused(-200170, f"Physical channel specified does not exist on this device: {terminal}")


def reserved() -> Refused:
    """Return the refusal of what another task holds."""
    return Refused(-50103, "The specified resource is reserved.")
