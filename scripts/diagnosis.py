"""What to tell a user when pip, venv or an import fails: which package, the likely cause, what to try."""

import re
from pathlib import Path

# The first pattern found in the log of pip names the cause. A missing version comes last: pip complains of it
# after every other failure too.
CAUSES = (
    (r"No space left on device|not enough space|Errno 28", "the disk is full: free some space (df -h)"),
    (r"ProxyError|407 Proxy", "the proxy refused: check HTTPS_PROXY"),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "the certificate was refused: behind a proxy of your own, set PIP_CERT to its certificate",
    ),
    (
        r"HTTP error 40[13]|\b40[13] Client Error",
        "the package index refused: check PIP_INDEX_URL and its login",
    ),
    (
        r"Temporary failure in name resolution|Name or service not known|NewConnectionError|ConnectTimeout"
        r"|ReadTimeout|Read timed out|ConnectionResetError|IncompleteRead|Connection broken",
        "the network failed: check the connection, or set HTTPS_PROXY / PIP_INDEX_URL if you reach packages "
        "through a proxy or a mirror; on a slow line set PIP_DEFAULT_TIMEOUT=120",
    ),
    (r"DO NOT MATCH THE HASHES", "the download was damaged: `pip cache purge`"),
    (r"error: subprocess-exited-with-error|Failed building wheel", "it had to be compiled, and that failed"),
    (
        r"No matching distribution found|Could not find a version that satisfies",
        "the package index has no such version for this Python and system: use Python 3.11 to 3.13 on 64-bit "
        "Linux, macOS (Apple silicon) or Windows (`make setup PYTHON=python3.12`), or check PIP_INDEX_URL",
    ),
)
PACKAGE_PATTERNS = (
    r"No matching distribution found for ([^\s;(]+)",
    r"requirement ([^\s;(]+) \(from",
    r"Failed building wheel for (\S+)",
    r"Collecting ([^\s;(]+)",
)
GO_ON = "Then run the same command again: finished environments and complete downloads are kept."


def explain_failed_install(name: str, log: str, log_file: Path) -> str:
    """Returns the message for a failed `pip install`; `log` is the text of pip's log."""
    causes = [cause for pattern, cause in CAUSES if re.search(pattern, log)]
    cause = causes[0] if causes else "pip's last words are above this line in its log"
    return (
        f"installing the environment {name!r} stopped at the package {blamed_package(log)}:\n"
        f"{cause}.\n{last_error(log)}{GO_ON}\npip's log: {log_file}"
    )


def blamed_package(log: str) -> str:
    """Returns the package that pip was at when it failed."""
    for pattern in PACKAGE_PATTERNS:
        found = re.findall(pattern, log)
        if found:
            return str(found[-1])
    return "(unknown)"


def last_error(log: str) -> str:
    """Returns the last line that pip marked as an error, or ""."""
    errors = re.findall(r"ERROR: (.+)", log)
    return f"pip says: {errors[-1].strip()}\n" if errors else ""


def explain_failed_venv(folder: Path, python: str, output: str) -> str:
    """Returns the message for a failed `python -m venv`."""
    return (
        f"{python} cannot make a virtual environment in {folder}:\n{output.strip()}\n"
        "On Debian or Ubuntu install the package python3-venv; check that the folder is writable and that "
        "--python names an interpreter."
    )


def explain_failed_import(name: str, module: str, stderr: str) -> str:
    """Returns the message for a framework that is installed but does not import."""
    last_lines = "\n".join(stderr.strip().splitlines()[-3:])
    return (
        f"the environment {name!r} is installed, but `import {module}` fails there:\n{last_lines}\n"
        "The build does not suit this machine. On Linux, PyTorch's CPU build comes from PyTorch's own index: "
        "set PIP_EXTRA_INDEX_URL as its install page says; a GPU build needs the GPU's driver; else choose "
        "another version in the lock file. Then run the same command again."
    )
