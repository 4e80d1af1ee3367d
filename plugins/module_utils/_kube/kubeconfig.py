# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a kubeconfig into an address, headers and a TLS context.

Certificates, tokens and passwords are read here. Whatever needs more (exec plugins, identity providers) goes
through the kubernetes library, imported only then because the import alone costs a third of a second.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import ssl
import tempfile
import typing as t
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from . import documents
from .errors import KubeError, Unreachable

Json = dict[str, t.Any]


class MissingKubeconfig(Unreachable):
    """The kubeconfig is not there yet, so nobody knows where the API would be."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "the kubeconfig does not exist")
        self.args = (f"Reading kubeconfig {path}: it does not exist. Build the cluster first or correct the path.",)


@dataclass(frozen=True)
class Endpoint:
    """Where the API server is and how to speak to it; context is None for plain HTTP."""

    host: str
    port: int
    prefix: str = ""
    headers: t.Mapping[str, str] = field(default_factory=dict, repr=False)
    context: ssl.SSLContext | None = None
    server_name: str = ""

    @property
    def address(self) -> str:
        """Return the address as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.context else 'http'}://{host}:{self.port}{self.prefix}"


def load(path: str) -> Endpoint:
    """Return the endpoint of the current context of the kubeconfig at *path*.

    Raises MissingKubeconfig without a file, KubeError for one that cannot be used.
    """
    path = os.path.abspath(os.path.expanduser(path))
    try:
        with open(path, encoding="utf-8") as stream:
            config = documents.load(stream.read())
    except FileNotFoundError:
        raise MissingKubeconfig(path) from None
    except OSError as exc:
        raise KubeError(f"Reading kubeconfig {path}: {exc.strerror}. Make the file readable.") from exc
    except ValueError:
        # The parser's own text would quote the file, which holds keys.
        raise KubeError(f"Reading kubeconfig {path}: it is not YAML. Write it anew.") from None
    cluster, user = _current(config, path)
    if "exec" in user or "auth-provider" in user:
        return _load_by_library(path)
    folder = os.path.dirname(path)
    context = _tls_context(cluster, user, folder, path)
    return _endpoint(path, str(cluster.get("server", "")), context, _headers(user, folder), cluster)


def _named(config: Json, section: str, name: t.Any, path: str) -> Json:
    for item in config.get(section) or []:
        if item.get("name") == name:
            return dict(item.get(section[:-1]) or {})
    raise KubeError(f"Reading kubeconfig {path}: {section} has no entry {name!r}. Correct the current context.")


def _current(config: t.Any, path: str) -> tuple[Json, Json]:
    if not isinstance(config, dict) or not config.get("current-context"):
        raise KubeError(f"Reading kubeconfig {path}: key current-context is missing. Choose a context.")
    context = _named(config, "contexts", config["current-context"], path)
    cluster = _named(config, "clusters", context.get("cluster"), path)
    if cluster.get("proxy-url"):
        raise KubeError(f"Reading kubeconfig {path}: proxy-url is not supported. Reach the API server directly.")
    return cluster, _named(config, "users", context.get("user"), path)


def _endpoint(
    path: str, server: str, context: ssl.SSLContext | None, headers: dict[str, str], cluster: Json
) -> Endpoint:
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise KubeError(f"Reading kubeconfig {path}: server {server!r} is no URL. Write https://HOST:PORT.")
    secure = parts.scheme == "https"
    return Endpoint(
        host=parts.hostname,
        port=parts.port or (443 if secure else 80),
        prefix=parts.path.rstrip("/"),
        headers=headers,
        context=context if secure else None,
        server_name=str(cluster.get("tls-server-name") or ""),
    )


def _headers(user: Json, folder: str) -> dict[str, str]:
    token = user.get("token")
    if user.get("tokenFile"):
        with open(os.path.join(folder, user["tokenFile"]), encoding="utf-8") as stream:
            token = stream.read().strip()
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _content(section: Json, key: str, folder: str, path: str) -> bytes | None:
    """Return what *key*-data holds, or the file that *key* names; None when neither is set."""
    try:
        if section.get(f"{key}-data"):
            return base64.b64decode(section[f"{key}-data"])
        if section.get(key):
            with open(os.path.join(folder, section[key]), "rb") as stream:
                return stream.read()
    except (OSError, binascii.Error) as exc:
        raise KubeError(f"Reading kubeconfig {path}: {key} cannot be read: {exc}. Write the kubeconfig anew.") from exc
    return None


def _tls_context(cluster: Json, user: Json, folder: str, path: str) -> ssl.SSLContext:
    authority = _content(cluster, "certificate-authority", folder, path)
    certificate = _content(user, "client-certificate", folder, path)
    key = _content(user, "client-key", folder, path)
    try:
        # Without authority these are the system's, whose reading costs more than a request.
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if authority:
            # Certificates made by kubeadm lack extensions that Python 3.13 demands by default.
            context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate and key:
            with _secret_file(certificate + b"\n" + key) as pem:
                context.load_cert_chain(pem)
    except (ssl.SSLError, UnicodeDecodeError) as exc:
        raise KubeError(
            f"Reading kubeconfig {path}: a certificate or key in it is damaged ({exc}). Write the kubeconfig anew."
        ) from exc
    return context


@contextlib.contextmanager
def _secret_file(content: bytes) -> t.Iterator[str]:
    """Give a file name to *content*, as the TLS library wants, in memory wherever the system can do that."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        descriptor = os.memfd_create("kubeconfig")
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile() as stream:
        stream.write(content)
        stream.flush()
        yield stream.name


def _load_by_library(path: str) -> Endpoint:
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException, load_kube_config
    except ImportError as exc:
        raise KubeError(
            f"Reading kubeconfig {path}: its user logs in by a plugin, which needs the Python package kubernetes. "
            "Install it beside Ansible."
        ) from exc
    settings = Configuration()
    # The library writes keys into files; the folder takes them away with it.
    with tempfile.TemporaryDirectory() as folder:
        try:
            load_kube_config(config_file=path, client_configuration=settings, temp_file_path=folder)
        except ConfigException as exc:
            raise KubeError(f"Reading kubeconfig {path}: {exc}. Correct the kubeconfig.") from exc
        token = settings.get_api_key_with_prefix("BearerToken")
        if not token and not settings.cert_file:
            raise KubeError(
                f"Reading kubeconfig {path}: its login plugin gave no credentials. Run the plugin by hand to see why."
            )
        context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
        if not settings.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    headers = {"Authorization": token} if token else {}
    return _endpoint(path, settings.host, context, headers, {"tls-server-name": settings.tls_server_name})
