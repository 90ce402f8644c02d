"""What can go wrong, and what each error means for the bench.

HilError
 +-- ConfigError         the bench file, the sequence or an argument is wrong (also a ValueError)
 +-- LimitError          a setpoint lies outside its limits (also a ValueError)
 +-- NotSupported        this box cannot do that (also a NotImplementedError)
 +-- MissingExtra        an optional package is not installed (also an ImportError)
 +-- TransportError      the wire failed (also an OSError)
 |    +-- NoReply        nothing came back in time (also a TimeoutError)
 |    +-- LinkLost       the connection is gone (also a ConnectionError)
 |    +-- OutcomeUnknown a command was sent and the link failed before it was confirmed
 |    +-- BadReply       something came back that is not an answer (also a ValueError)
 +-- InstrumentError     the instrument answered, and reported an error
 |    +-- WrongInstrument   it is not the model that the bench file names
 |    +-- ReadbackError     it did not take the setpoint that was sent
 +-- FormatError         a file is not what it claims to be (also a ValueError)
 +-- StorageError        a file could not be written, the disk is full (also an OSError)
 +-- Aborted             the run was stopped: by the operator, an interlock or a supervision limit
 +-- NotSafe             the bench could not be proven de-energised

A failed test is none of these: it is a verdict. Every message says which
instrument or file, what was asked, what came back, and what to do.
"""


class HilError(Exception):
    """Base of every error raised here."""


class ConfigError(HilError, ValueError):
    """The bench file, the sequence or an argument is wrong."""


class LimitError(HilError, ValueError):
    """A setpoint lies outside its limits; nothing was sent."""


class NotSupported(HilError, NotImplementedError):
    """This box cannot do that."""


class MissingExtra(HilError, ImportError):
    """An optional package is not installed; the message names the extra."""


class TransportError(HilError, OSError):
    """The wire failed."""


class NoReply(TransportError, TimeoutError):
    """Nothing came back in time; the next exchange starts on a fresh connection."""


class LinkLost(TransportError, ConnectionError):
    """The connection is gone, and nothing was under way."""


class OutcomeUnknown(TransportError):
    """A command was sent and the link failed before it was confirmed; it is never sent again."""


class BadReply(TransportError, ValueError):
    """Something came back that is not an answer to what was asked."""


class InstrumentError(HilError):
    """The instrument answered, and reported an error."""


class WrongInstrument(InstrumentError):
    """The instrument is not the model that the bench file names."""


class ReadbackError(InstrumentError):
    """The instrument did not take the setpoint that was sent."""


class FormatError(HilError, ValueError):
    """A file is not what it claims to be."""


class StorageError(HilError, OSError):
    """A file could not be written."""


class Aborted(HilError):
    """The run was stopped by the operator, an interlock or a supervision limit."""


class NotSafe(HilError):
    """The bench could not be proven de-energised."""
