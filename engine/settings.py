"""Where Pregón runs and what it talks to; the only module that reads the environment."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.errors import Invalid

SOCKET_PATH_MAX = 100  # a unix socket's path must fit in 108 bytes on Linux


class Settings(BaseSettings):
    """Every field is a `PREGON_*` variable or a line in `.env`; `.env.example` lists them all."""

    model_config = SettingsConfigDict(
        env_prefix="PREGON_", env_file=".env", extra="ignore", frozen=True, validate_by_name=True
    )

    data: Path = Field(Path("data"), description="Folder for the database, Redis, files and logs.")
    database_url: str = Field("", description="PostgreSQL URL; empty means SQLite in the folder.")
    redis_url: SecretStr = Field(
        SecretStr(""),
        validation_alias=AliasChoices("PREGON_REDIS_URL", "REDIS_URL"),
        description="Redis URL; empty means an embedded Redis on a unix socket.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Key that encrypts channel secrets; empty means data/secret.key."
    )
    host: str = Field("127.0.0.1", description="Address the studio binds; loopback only.")
    port: int = Field(8501, ge=0, le=65535, description="Port of the studio.")
    door_port: int = Field(8502, ge=0, le=65535, description="Port of the webhook door.")
    sandbox_port: int = Field(8503, ge=0, le=65535, description="Port of the sandbox provider.")
    public_url: str = Field("", description="How providers reach the door from outside.")
    workers: int = Field(2, ge=1, le=64, description="Sending processes of `pregon worker`.")
    language: str = Field(
        "", description="Language of the pages: en or es; empty asks the browser."
    )
    timezone: str = Field("America/Bogota", description="The workspace's IANA time zone.")
    country: str = Field("CO", description="Country of phone numbers written without a prefix.")
    schedule_grace_minutes: int = Field(30, ge=0, description="Lateness that makes a start missed.")
    sqlite_synchronous: str = Field("FULL", description="FULL survives power loss; NORMAL a crash.")

    @cached_property
    def folder(self) -> Path:
        """The data folder, made if needed, readable by its owner only."""
        path = self.data.expanduser().resolve()
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database."""
        if not self.database_url:
            return f"sqlite:///{self.folder / 'pregon.db'}"
        return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def redis(self) -> str:
        """URL of Redis: the one given, else the embedded one's unix socket."""
        return self.redis_url.get_secret_value() or f"unix://{self.redis_socket}"

    @property
    def redis_socket(self) -> Path:
        """Where the embedded Redis listens: in the data folder if the path is short enough."""
        near = self.folder / "redis.sock"
        if len(str(near)) < SOCKET_PATH_MAX:
            return near
        name = hashlib.sha256(str(near).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"pregon-{name}.sock"

    @property
    def door_url(self) -> str:
        """Base URL that providers call back; the sandbox calls the loopback one."""
        return self.public_url.rstrip("/") or f"http://127.0.0.1:{self.door_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @cached_property
    def cipher(self) -> Fernet:
        """Encrypts channel secrets at rest."""
        return Fernet(self.secret_key.get_secret_value() or _key_file(self.folder / "secret.key"))


def load(**given: object) -> Settings:
    """The settings of this process. Raises Invalid with every bad variable in one sentence."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise Invalid(
            "settings.invalid", "The settings are not usable: {places}.", places=places
        ) from None


def environment(settings: Settings) -> dict[str, str]:
    """The variables a child process needs to load these same settings."""
    child = dict(os.environ)
    for name, value in settings.model_dump().items():
        plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        child[f"PREGON_{name.upper()}"] = plain
    child["PREGON_DATA"] = str(settings.folder)
    return child


def _key_file(path: Path) -> bytes:
    """Read the key, or make one that only the owner can read. Two makers agree on the first."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        key = Fernet.generate_key()
        file.write(key)
    return key
