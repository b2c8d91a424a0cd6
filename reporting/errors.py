"""What can be wrong with a ledger file.

LedgerError
├── MissingLedgerError     there is no such file, and no snapshot of it
├── BusyLedgerError        another process has it open, or this one has
├── ForeignLedgerError     it is no ledger, or one of another version
├── UnwritableLedgerError  the file cannot be written; what was committed before is safe
└── SnapshotError          the copy for readers could not be made; the ledger itself is unharmed
"""


class LedgerError(Exception):
    """The ledger cannot be used. The text says what was expected, what was found and what to do."""


class MissingLedgerError(LedgerError):
    """There is no such file, and no snapshot of it."""


class BusyLedgerError(LedgerError):
    """Somebody else has the file open: one process owns it."""


class ForeignLedgerError(LedgerError):
    """The file is no ledger, or a ledger of a version that this release does not know."""


class UnwritableLedgerError(LedgerError):
    """The file cannot be written, as on a full disk. What was committed before is safe, and nothing else was."""


class SnapshotError(LedgerError):
    """The copy for readers could not be made. The ledger and the last snapshot are unharmed."""
