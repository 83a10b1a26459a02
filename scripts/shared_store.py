"""One MLflow store for several machines, on PostgreSQL and behind passwords.

    python -m scripts.shared_store start FOLDER [--host 0.0.0.0] [--port 5000]
    python -m scripts.shared_store status FOLDER
    python -m scripts.shared_store user FOLDER NAME
    python -m scripts.shared_store stop FOLDER

The database, the artifacts, the logs and the passwords lie in FOLDER, which only its owner can read. PostgreSQL's
programs must be there (Debian: `apt-get install postgresql`); nothing else needs root. See docs/shared-store.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from src.contract.json_files import read_object, write_json
from src.errors import JoulebenchError, SetupError

OWNER = "joulebench"
"""Who owns the databases; PostgreSQL's own name for it, no account of the machine."""
ADMIN = "admin"
DATABASES = ("mlflow", "passwords")
PASSWORDS = {
    "database": "PGPASSWORD",
    "admin": "MLFLOW_AUTH_ADMIN_PASSWORD",
    "key": "MLFLOW_FLASK_SERVER_SECRET_KEY",
}
"""What is secret, and the variable that gives it at the first start; without, it is made up."""
NEW_PASSWORD = "MLFLOW_TRACKING_PASSWORD"
ACCOUNTS = ("postgres", "nobody")
"""As whom PostgreSQL runs where root starts it, which it refuses."""
LONGEST_SOCKET = 85
"""Characters of a folder whose sockets the kernel can still name: 107, less what comes behind."""
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 15
HALF_UPLOADED = ".artifact.uploading.*"
"""What a server that is killed leaves of a file that was on its way; its page would show it."""
NEEDED = {"psycopg2": "psycopg2-binary", "flask_wtf": "flask-wtf"}

AUTHENTICATION = f"""\
[mlflow]
# Whoever has a password may file runs in every experiment; only its maker and {ADMIN} may delete there.
default_permission = EDIT
database_uri = postgresql+psycopg2:///{DATABASES[1]}
admin_username = {ADMIN}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
# Checking a password is slow on purpose, and each request brings it: a run would take 3.6 s instead of 0.4.
auth_cache_ttl_seconds = 60
"""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest version's; None where there is none."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    folders += [Path(on_path).resolve().parent] if on_path else []
    return max(folders, key=_version, default=None)


def _version(folder: Path) -> tuple[int, str]:
    return (int(folder.parent.name) if folder.parent.name.isdigit() else 0), str(folder)


def other_account() -> dict[str, Any]:
    """What makes `subprocess` start a program of PostgreSQL as somebody else, where this is root."""
    if os.geteuid() != 0:
        return {}
    for name in ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise SetupError(f"PostgreSQL does not run as root, and there is no account {' or '.join(ACCOUNTS)}; make one")


def hand_over(path: Path) -> None:
    """Give a file or an empty folder to whom PostgreSQL runs as."""
    if account := other_account():
        os.chown(path, account["user"], account["group"])


@dataclass(frozen=True)
class SharedStore:
    """A store in a folder. Its methods raise SetupError where something does not start."""

    folder: Path

    def start(self, host: str, port: int, workers: int, allowed_hosts: str = "") -> str:
        """Start what does not run yet; returns the server's address on this machine."""
        self._prepare()
        self.start_database()
        return self.start_server(host, port, workers, allowed_hosts)

    def stop(self) -> None:
        """End the server first, so that no request loses its database."""
        self.stop_server()
        self.stop_database()

    def start_database(self) -> None:
        """Make the databases where there are none, and serve them to this folder only: through a socket in it."""
        if not self._database.exists():
            self._lay_out()
        if not self.database_runs():
            self._postgres("pg_ctl", "-D", self._database, "-l", self._database / "log", "-w", "start")
        found = self._postgres("psql", "-Atc", "select datname from pg_database", "postgres").split()
        for name in DATABASES:
            if name not in found:
                self._postgres("createdb", name)

    def stop_database(self) -> None:
        """End PostgreSQL at once but in order: what was answered is kept."""
        if self.database_runs():
            self._postgres("pg_ctl", "-D", self._database, "-m", "fast", "-w", "stop")

    def database_runs(self) -> bool:
        """Whether PostgreSQL serves this folder."""
        asked = [str(_programs() / "pg_ctl"), "-D", str(self._database), "status"]
        return subprocess.run(asked, capture_output=True, cwd="/", check=False, **other_account()).returncode == 0

    def start_server(self, host: str, port: int, workers: int, allowed_hosts: str = "") -> str:
        """Start MLflow's server and wait until it answers."""
        if self._server() is not None:
            return self.address
        (self.folder / "basic_auth.ini").write_text(AUTHENTICATION)
        for half in (self.folder / "artifacts").rglob(HALF_UPLOADED):
            half.unlink()
        options = ["--app-name", "basic-auth", "--backend-store-uri", f"postgresql+psycopg2:///{DATABASES[0]}"]
        options += ["--artifacts-destination", str(self.folder / "artifacts"), "--host", host, "--port", str(port)]
        options += ["--workers", str(workers), *(["--allowed-hosts", allowed_hosts] if allowed_hosts else [])]
        with (self.folder / "mlflow.log").open("ab") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *options],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        began = psutil.Process(server.pid).create_time()
        write_json(self._server_file, {"pid": server.pid, "began": began, "host": host, "port": port})
        self._wait_for(server)
        return self.address

    def stop_server(self) -> None:
        """End MLflow's server with all its processes: it answers what it was asked, for a while."""
        server = self._server()
        if server is None:
            return
        everybody = [server, *server.children(recursive=True)]
        os.killpg(server.pid, signal.SIGTERM)
        for process in psutil.wait_procs(everybody, STOP_TIMEOUT_S)[1]:
            process.kill()
        psutil.wait_procs(everybody, STOP_TIMEOUT_S)
        self._server_file.unlink(missing_ok=True)

    def answers(self) -> bool:
        """Whether the server is up."""
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5):
                return True
        except OSError:
            return False

    def add_user(self, name: str, password: str) -> None:
        """Let somebody in, who may file runs in every experiment."""
        login = base64.b64encode(f"{ADMIN}:{self.secrets['admin']}".encode()).decode()
        request = urllib.request.Request(
            f"{self.address}/api/2.0/mlflow/users/create",
            json.dumps({"username": name, "password": password}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Basic {login}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30):
                pass
        except urllib.error.HTTPError as error:
            # What comes behind the first sentence may hold the password's hash.
            said = error.read().decode(errors="replace").partition('"message": "')[2].partition(" Error:")[0]
            raise SetupError(f"{self.address} does not add {name} ({error}): {said}".rstrip(": ")) from None
        except OSError as error:
            raise SetupError(f"{self.address} does not answer ({error}); start it first") from error

    @property
    def address(self) -> str:
        """The server's on this machine; raises SetupError where it was not started."""
        if self._server() is None:
            raise SetupError(f"The store in {self.folder} does not run; start it first")
        known = read_object(self._server_file)
        host = known["host"] if known["host"] not in ("0.0.0.0", "::") else "127.0.0.1"
        return f"http://{host}:{known['port']}"

    @property
    def secrets(self) -> dict[str, str]:
        """All passwords."""
        return {name: str(value) for name, value in read_object(self.secrets_file).items()}

    @property
    def secrets_file(self) -> Path:
        """Where they lie."""
        return self.folder / "secrets.json"

    @property
    def _database(self) -> Path:
        return self.folder / "database"

    @property
    def _server_file(self) -> Path:
        return self.folder / "server.json"

    def _prepare(self) -> None:
        lacking = [package for module, package in NEEDED.items() if find_spec(module) is None]
        if lacking:
            raise SetupError(f"A shared store needs {' and '.join(lacking)} here; run `make setup`")
        _programs()
        if len(str(self._database)) > LONGEST_SOCKET:
            raise SetupError(f"{self.folder} is too long a path for a database's socket; choose a shorter one")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        hand_over(self.folder)
        (self.folder / "artifacts").mkdir(exist_ok=True)
        if not self.secrets_file.exists():
            given = {name: os.environ.get(variable, "") for name, variable in PASSWORDS.items()}
            write_private(
                self.secrets_file,
                json.dumps({name: value or secrets.token_urlsafe(24) for name, value in given.items()}, indent=1),
            )

    def _lay_out(self) -> None:
        """Whole or not at all, whatever interrupts it."""
        new, password = self.folder / "database.new", self.folder / ".password"
        shutil.rmtree(new, ignore_errors=True)
        try:
            write_private(password, self.secrets["database"])
            hand_over(password)
            options = ["--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--locale=C"]
            self._postgres("initdb", "-D", new, "-U", OWNER, *options)
        finally:
            password.unlink(missing_ok=True)
        where = str(self._database).replace("'", "''")
        with (new / "postgresql.conf").open("a") as settings:
            settings.write(f"listen_addresses = ''\nunix_socket_directories = '{where}'\n")
        new.rename(self._database)

    def _postgres(self, program: str, *words: object) -> str:
        """What one of PostgreSQL's programs prints; they take address and password from their environment."""
        command, env = [str(_programs() / program), *map(str, words)], self._environment()
        done = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, check=False, **other_account())
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())
            raise SetupError(f"{program} failed for {self.folder}: {said[-400:]}")
        return str(done.stdout)

    def _environment(self) -> dict[str, str]:
        """Passwords and addresses, which no command line shows."""
        known = self.secrets
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PG"))},
            **{variable: known[name] for name, variable in PASSWORDS.items()},
            "PGHOST": str(self._database),
            "PGUSER": OWNER,
            "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / "basic_auth.ini"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }

    def _server(self) -> psutil.Process | None:
        """The server's first process; a number that another process got meanwhile is none."""
        if not self._server_file.exists():
            return None
        known = read_object(self._server_file)
        try:
            found = psutil.Process(known["pid"])
            return found if found.create_time() == known["began"] and found.status() != "zombie" else None
        except psutil.NoSuchProcess:
            return None

    def _wait_for(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while server.poll() is None and time.monotonic() < deadline:
            if self.answers():
                server.returncode = 0  # It lives on beside us, of which Popen would warn.
                return
            time.sleep(0.2)
        last = (self.folder / "mlflow.log").read_text(errors="replace").strip().splitlines()[-1:]
        self.stop_server()
        raise SetupError(f"MLflow's server does not start: {''.join(last)[:400]} ({self.folder / 'mlflow.log'})")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _programs() -> Path:
    found = programs()
    if found is None:
        raise SetupError("A shared store needs PostgreSQL's server; on Debian: apt-get install postgresql")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; 2 for what cannot be, 3 as the status of a store that does not wholly run."""
    chosen = _parser().parse_args(arguments)
    store = SharedStore(chosen.folder.resolve())
    try:
        return int(chosen.do(store, chosen) or 0)
    except JoulebenchError as error:
        print(f"shared_store: {error}", file=sys.stderr)
        return error.exit_code


def _start(store: SharedStore, chosen: argparse.Namespace) -> None:
    address = store.start(chosen.host, chosen.port, chosen.workers, chosen.allowed_hosts)
    print(f"MLflow answers at {address}; user {ADMIN}, whose password is in {store.secrets_file}")


def _stop(store: SharedStore, _chosen: argparse.Namespace) -> None:
    store.stop()
    print("stopped")


def _status(store: SharedStore, _chosen: argparse.Namespace) -> int:
    database = store.folder.exists() and store.database_runs()
    server = store._server() is not None and store.answers()
    print(f"PostgreSQL: {'runs' if database else 'does not run'}")
    print(f"MLflow: {f'answers at {store.address}' if server else 'does not answer'}")
    return 0 if database and server else 3


def _user(store: SharedStore, chosen: argparse.Namespace) -> None:
    given = os.environ.get(NEW_PASSWORD)
    password = given or secrets.token_urlsafe(12)
    store.add_user(chosen.name, password)
    if given:
        print(f"{chosen.name} can file runs, with the password in {NEW_PASSWORD}")
        return
    (store.folder / "users").mkdir(exist_ok=True, mode=0o700)
    path = store.folder / "users" / chosen.name
    write_private(path, password)
    print(f"{chosen.name} can file runs; the password is in {path}")


def _parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog="python -m scripts.shared_store", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    told = {_start: "start both servers", _stop: "end both", _status: "say what runs", _user: "let somebody in"}
    for do, help_text in told.items():
        command = commands.add_parser(do.__name__.strip("_"), help=help_text)
        command.add_argument("folder", type=Path, metavar="FOLDER")
        command.set_defaults(do=do)
        if do is _start:
            command.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other machines in (%(default)s)")
            command.add_argument("--port", type=int, default=5000, help="(%(default)s)")
            command.add_argument("--workers", type=int, default=4, help="processes that answer (%(default)s)")
            command.add_argument(
                "--allowed-hosts", default="", help="names by which it may be called, instead of private addresses"
            )
        if do is _user:
            command.add_argument("name", metavar="NAME")
    return whole


if __name__ == "__main__":
    sys.exit(main())
