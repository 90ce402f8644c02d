"""NI-DAQmx through NI's own package: over an NI gRPC Device Server, or with the local driver.

The package never sets a gRPC deadline, so a frozen server would hang it for ever.
An interceptor gives each call what is left of the time of its exchange.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hil.errors import BadReply, ConfigError, InstrumentError, LinkLost, MissingExtra
from hil.transport.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from nidaqmx import GrpcSessionOptions, Task

    from hil.clock import Clock
    from hil.errors import TransportError
    from hil.transport.link import CommandLog

T = TypeVar("T")

LOCAL: Final = "local:"
_GRPC: Final = re.compile(r"grpc://([^\s/:]+|\[[^\s/]+\])(?::(\d+))?/?")
_PORT: Final = 31763  # where an NI gRPC Device Server listens unless told otherwise
_CHANNEL: Final = (
    ("grpc.max_receive_message_length", -1),  # 4 MiB otherwise: 0.6 s of nine channels at 100 kS/s
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # or a new channel would inherit the old connection
    ("grpc.enable_http_proxy", 0),  # a bench is on its own network
)


class DaqmxLink(Link):
    """One session with NI-DAQmx, at "grpc://host:port" or "local:"; it holds one task at most."""

    def __init__(self, name: str, address: str, clock: Clock, log: CommandLog, timeout: float = 2.0) -> None:
        super().__init__(name, address, clock, log, timeout)
        match = _GRPC.fullmatch(address)
        if match is None and address != LOCAL:
            raise ConfigError(
                f'{name}: cannot read the address {address!r}; expected "grpc://host:{_PORT}" for an '
                f'NI gRPC Device Server, or "{LOCAL}" for the NI-DAQmx driver of this computer'
            )
        self._target = f"{match[1]}:{match[2] or _PORT}" if match else None
        self._channel: Any = None
        self._task: Task | None = None
        self._deadline = 0.0
        self._asked = ""
        self.driver_version = ""

    def run(self, asked: str, action: Callable[[], T], *, writes: bool = False) -> T:
        """Run what calls the nidaqmx package as one exchange, and return what it returns.

        Raises `InstrumentError` with NI's code and text where DAQmx refuses.
        """
        with self._exchange(asked, writes=writes) as attempt:
            from nidaqmx.errors import DaqError  # noqa: PLC0415 - optional, and slow to import

            attempt.gone = True  # the link is open, so the server has answered once
            self._begin(asked)
            try:
                result = action()
            except DaqError as error:  # an answer too: the link is in order
                refusal = error
                attempt.received = f"{error.error_code}: {' '.join(str(error).split())}"
            else:
                attempt.received = _brief(result)
                return result
        raise InstrumentError(
            f"{self.name} at {self.address}: {asked!r} was refused with {attempt.received}"
        ) from refusal

    def device(self, name: str) -> tuple[str, str, str]:
        """Return product type, serial number and driver of a device, such as "Dev1"."""
        from nidaqmx.system import Device  # noqa: PLC0415 - optional, and slow to import

        def ask() -> tuple[str, str, str]:
            found = Device(name, grpc_options=self.options)
            return found.product_type, f"{found.serial_num:08X}", f"NI-DAQmx {self.driver_version}"

        return self.run(f"identity of {name}", ask)

    @property
    def options(self) -> GrpcSessionOptions | None:
        """What nidaqmx's classes take as `grpc_options`; None for the local driver."""
        return self._session("")

    @property
    def task(self) -> Task:
        """The task of this session; inside `run`."""
        if self._task is None:
            raise InstrumentError(
                f"{self.name}: no acquisition is set up (any more: a lost link takes it along); configure it"
            )
        return self._task

    def new_task(self) -> Task:
        """Make an empty task in place of the old one; inside `run`."""
        from nidaqmx import Task  # noqa: PLC0415 - optional, and slow to import

        self.clear_task()
        self._task = Task(self._task_name, grpc_options=self._session(self._task_name))
        return self._task

    def clear_task(self) -> None:
        """Abort and remove the task; harmless where there is none; inside `run`.

        A task on a server outlives the connection and keeps its device reserved, so
        one that a lost session left behind is found by its name. A server that was
        started anew has forgotten it, which is as good.
        """
        from nidaqmx import Task  # noqa: PLC0415 - optional, and slow to import
        from nidaqmx.error_codes import DAQmxErrors  # noqa: PLC0415 - as above
        from nidaqmx.errors import DaqError  # noqa: PLC0415 - as above

        task, self._task = self._task, None
        if task is None and self._channel is not None:
            task = Task(self._task_name, grpc_options=self._session(self._task_name))
        if task is not None:
            try:
                task.close()
            except DaqError as error:
                if error.error_code != DAQmxErrors.INVALID_TASK:
                    raise

    @property
    def _task_name(self) -> str:
        return f"hil_{self.name}"

    def _session(self, name: str) -> GrpcSessionOptions | None:
        from nidaqmx import GrpcSessionOptions  # noqa: PLC0415 - optional, and slow to import

        return None if self._channel is None else GrpcSessionOptions(self._channel, name)

    def _begin(self, asked: str) -> None:
        self._asked = asked
        self._deadline = (
            time.monotonic() + self.timeout
        )  # the host's time, in a dry run too: it is the wire's

    def _do_open(self) -> None:
        try:
            from nidaqmx.errors import DaqNotFoundError, DaqNotSupportedError  # noqa: PLC0415 - as above
            from nidaqmx.system import System  # noqa: PLC0415 - as above

            channel = self._connect() if self._target else None
        except ImportError as error:
            raise MissingExtra(
                f'{self.name}: {error.name or "nidaqmx"} is not installed: pip install "hil-bench[daq]"'
            ) from error
        self._channel = channel
        self._begin("driver version")
        try:
            version = System(self._session("")).driver_version
        except (DaqNotFoundError, DaqNotSupportedError) as error:
            raise MissingExtra(
                f"{self.name} at {self.address}: this computer has no NI-DAQmx driver; install it from NI, "
                'or use an NI gRPC Device Server ("grpc://host:port")'
            ) from error
        except Exception:
            self._do_close()
            raise
        self.driver_version = ".".join(map(str, version))

    def _connect(self) -> Any:
        import grpc  # noqa: PLC0415 - optional, and slow to import

        link = self

        class Deadline(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc] # grpc carries no types
            def intercept_unary_unary(self, call: Any, details: Any, request: Any) -> Any:  # noqa: ARG002 - grpc's signature
                return call(SimpleNamespace(timeout=link._deadline - time.monotonic()), request)

        return grpc.intercept_channel(grpc.insecure_channel(self._target, options=_CHANNEL), Deadline())

    def _do_close(self) -> None:
        from nidaqmx.errors import Error  # noqa: PLC0415 - optional, and slow to import

        channel, self._channel = self._channel, None
        task, self._task = self._task, None
        if channel is not None:
            channel.close()
        elif task is not None:  # without a server a task lives in this process: it ends with the session
            with suppress(Error):
                task.close()

    def _translate(self, error: Exception) -> TransportError | None:
        try:
            from grpc import StatusCode  # noqa: PLC0415 - as above
            from nidaqmx.errors import RpcError  # noqa: PLC0415 - as above
        except ImportError:  # a local driver needs no grpc, and has no wire to lose
            return None
        if not isinstance(error, RpcError):
            return None
        if error.rpc_code == StatusCode.DEADLINE_EXCEEDED:
            return self._no_reply(self._asked)
        if error.rpc_code in {StatusCode.UNAVAILABLE, StatusCode.CANCELLED}:
            return LinkLost(
                f"{self.name} at {self.address}: the connection was lost, or refused, at {self._asked!r} "
                f"({error}). Does the NI gRPC Device Server run, and is the address right?"
            )
        return BadReply(
            f"{self.name} at {self.address}: {self._asked!r} was answered with {error}. "
            "Is this an NI gRPC Device Server, and is it recent?"
        )


def _brief(result: object) -> str:
    """Return it for the log: of samples, the shape."""
    if isinstance(result, tuple):
        return ", ".join(map(_brief, result))
    return str(getattr(result, "shape", result))
