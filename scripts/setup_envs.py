"""Makes the environments: `python scripts/setup_envs.py --help`. Needs nothing but Python 3.11 to 3.13.

This file stays readable for any older Python, so that the check below is reached instead of a SyntaxError.
"""

import os
import signal
import sys

if not (3, 11) <= sys.version_info < (3, 14):
    sys.exit(
        "joulebench needs Python 3.11, 3.12 or 3.13, but %s is Python %d.%d.\n"
        "Install one of them, and use it: `python3.12 scripts/setup_envs.py`, `make setup PYTHON=python3.12`."
        % (sys.executable, sys.version_info[0], sys.version_info[1])
    )

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scripts.setup_command import main

if __name__ == "__main__":
    # Like Ctrl-C, so that pip does not live on and write into an environment that the next set-up makes anew.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
