"""What the system refuses, a full disk for instance, as a sentence: libraries say it in many ways."""

import errno
import os
import re
from pathlib import Path

from galspec_core.errors import SystemFault

REMEDIES = {  # what each refusal means to a person, and what to do
    errno.ENOSPC: ("no space is left on the disk", "Make room"),
    errno.EDQUOT: ("your quota of disk space is used up", "Make room, or ask for more"),
    errno.EROFS: ("the folder can only be read", "Run in another folder with --directory, or have it mounted to write"),
    errno.EACCES: ("no permission", "Change the owner or the permissions, or run in another folder with --directory"),
    errno.EPERM: ("not permitted", "Change the owner or the permissions, or run in another folder with --directory"),
    errno.EIO: ("the disk fails to read or write", "Have the disk looked at"),
    errno.ENOMEM: ("there is not enough memory", "Give the job more: --set-resources RULE:mem_mb=NUMBER"),
    errno.EMFILE: ("too many files are open", "Raise the limit: ulimit -n 4096"),
}
WORDS = {os.strerror(code): code for code in REMEDIES} | {"Not enough space on disk": errno.ENOSPC}  # astropy's
AGAIN = "then start the same command again: what is finished is kept"


def plain_fault(error, folder="."):
    """Return the SystemFault that an exception stands for, None where the system refused nothing.

    Numbers and words of the operating system are looked for in the exception, in those behind it and in their texts;
    ``folder`` is named where no file is.
    """
    for link in _chain(error):
        code = _code(link)
        if code is not None:
            what, remedy = REMEDIES[code]
            item = getattr(link, "filename", None) or Path(folder).absolute()
            return SystemFault(what, item=item, got=str(link)[:300], remedy=f"{remedy}, {AGAIN}")
    return None


def _chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _code(error):
    """Return the number of a refusal that REMEDIES knows, or None."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno in REMEDIES:
        return error.errno
    named = re.search(r"\(os error (\d+)\)|\[errno (\d+)\]", str(error), re.I)
    if named and (code := int(named[1] or named[2])) in REMEDIES:
        return code
    return next((code for words, code in WORDS.items() if words in str(error)), None)
