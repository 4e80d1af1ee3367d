# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One verdict for each annotation of ingress-nginx: the 130 names its last documentation has, and 8 its source has.

The kind of a verdict tells where F5's NGINX Ingress Controller has the same. What a route can say has an intent; of
the rest, what is lost without it decides: protection and behaviour stop a translation, tuning is reported.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

DIRECT, POLICY, NEEDS_OBJECT, CONFIG, SNIPPET, NONE = "direct", "policy", "needs_object", "config", "snippet", "none"
UNKNOWN = "unknown"
REQUEST_HEADERS = "headers.request"
PROTECTION, BEHAVIOUR, TUNING = "protection", "behaviour", "tuning"


@dataclass(frozen=True)
class Verdict:
    """What is known of one annotation.

    *loss* is what goes without it. *intent* is the key of a route that says it, "" where none does; then *reason* and
    *fix* tell what to do. *default* is the value that changes nothing, *needs* are annotations without one of which it
    has no effect ("" and () where there is none).
    """

    kind: str
    loss: str
    intent: str = ""
    reason: str = ""
    fix: str = ""
    default: str = ""
    needs: tuple[str, ...] = ()


# Kind of the verdict: annotations.
_KINDS = {
    DIRECT: """
        app-root rewrite-target use-regex ssl-redirect force-ssl-redirect proxy-body-size client-body-buffer-size
        proxy-connect-timeout proxy-read-timeout proxy-send-timeout proxy-buffering proxy-buffer-size
        proxy-buffers-number proxy-busy-buffers-size proxy-max-temp-file-size proxy-next-upstream
        proxy-next-upstream-timeout proxy-next-upstream-tries proxy-redirect-from proxy-redirect-to service-upstream
        load-balance upstream-hash-by ssl-ciphers ssl-prefer-server-ciphers backend-protocol auth-type auth-secret
        auth-realm limit-rps limit-rpm limit-burst-multiplier affinity session-cookie-name session-cookie-expires
        session-cookie-path session-cookie-secure session-cookie-domain custom-headers custom-http-errors
    """,
    POLICY: """
        whitelist-source-range allowlist-source-range denylist-source-range enable-cors cors-allow-origin
        cors-allow-methods cors-allow-headers cors-allow-credentials cors-expose-headers cors-max-age auth-url
        auth-signin auth-tls-secret auth-tls-verify-client auth-tls-verify-depth proxy-ssl-secret proxy-ssl-verify
        proxy-ssl-verify-depth proxy-ssl-protocols proxy-ssl-ciphers proxy-ssl-name proxy-ssl-server-name
    """,
    NEEDS_OBJECT: """
        canary canary-by-header canary-by-header-value canary-by-header-pattern canary-by-cookie canary-weight
        canary-weight-total permanent-redirect permanent-redirect-code temporal-redirect temporal-redirect-code
        default-backend ssl-passthrough upstream-vhost
    """,
    CONFIG: """
        enable-access-log enable-rewrite-log enable-opentelemetry opentelemetry-trust-incoming-span
        opentelemetry-operation-name http2-push-preload proxy-http-version stream-snippet enable-global-auth
    """,
    SNIPPET: """
        configuration-snippet server-snippet auth-snippet auth-response-headers auth-proxy-set-headers auth-method
        auth-request-redirect auth-signin-redirect-param auth-tls-match-cn auth-tls-pass-certificate-to-upstream
        auth-tls-error-page limit-connections limit-rate limit-rate-after limit-whitelist limit-allowlist satisfy
        x-forwarded-prefix proxy-cookie-domain proxy-cookie-path proxy-request-buffering mirror-target mirror-host
        mirror-request-body connection-proxy-header preserve-trailing-slash server-alias from-to-www-redirect
        session-cookie-samesite session-cookie-max-age relative-redirects
    """,
    NONE: """
        enable-modsecurity enable-owasp-core-rules modsecurity-snippet modsecurity-transaction-id auth-cache-key
        auth-cache-duration auth-always-set-cookie auth-keepalive auth-keepalive-requests auth-keepalive-share-vars
        auth-keepalive-timeout auth-secret-type affinity-mode affinity-canary-behavior
        session-cookie-change-on-failure session-cookie-conditional-samesite-none upstream-hash-by-subset
        upstream-hash-by-subset-size disable-proxy-intercept-errors fastcgi-index fastcgi-params-configmap
        use-port-in-redirects
    """,
}

# What a route says: loss, intent, what it needs, annotations.
_SAID = """
protection | tls.redirect | | ssl-redirect force-ssl-redirect
protection | max_body | | proxy-body-size
tuning | timeouts.connect | | proxy-connect-timeout
tuning | timeouts.read | | proxy-read-timeout
tuning | timeouts.send | | proxy-send-timeout
behaviour | paths[].protocol | | backend-protocol
protection | auth.basic | | auth-type
protection | auth.basic.users | auth-type | auth-secret auth-secret-type
protection | auth.basic.realm | auth-type | auth-realm
protection | auth.external | | auth-url
protection | auth.external.sign_in | auth-url | auth-signin
protection | auth.external.response_headers | auth-url | auth-response-headers
protection | rate_limit | | limit-rps limit-rpm
protection | rate_limit.burst | limit-rps limit-rpm | limit-burst-multiplier
protection | sources | | whitelist-source-range allowlist-source-range
protection | headers.response | | custom-headers
behaviour | headers.request | | upstream-vhost
behaviour | redirect | | permanent-redirect temporal-redirect
behaviour | redirect | permanent-redirect | permanent-redirect-code
behaviour | redirect | temporal-redirect | temporal-redirect-code
"""

# What no route says: loss, reason, fix, what it needs, annotations; a row is a line, however long (E501).
_UNSAID = """
protection | no controller here has ModSecurity, so nothing would inspect requests | Put a firewall for web requests in front, then remove the annotation | | enable-modsecurity enable-owasp-core-rules modsecurity-snippet modsecurity-transaction-id
protection | a route takes no piece of NGINX's own configuration, and this one may be what guards the host | Say what it does with keys of a route, then remove the annotation; without allow-snippet-annotations it did nothing | | configuration-snippet server-snippet stream-snippet
protection | a route takes no piece of NGINX's own configuration, and this one may be what guards the host | Say what it does in the authentication service, then remove the annotation | auth-url | auth-snippet
protection | a route limits requests per second, not connections or bandwidth | Use limit-rps instead, or remove the annotation if the limit is not needed | | limit-connections limit-rate
protection | a route limits requests per second, not connections or bandwidth | Use limit-rps instead, or remove the annotation if the limit is not needed | limit-rate | limit-rate-after
behaviour | the rate limit of a route has no exceptions, so these clients would be limited too | Remove the annotation if the limit is high enough for them | limit-rps limit-rpm limit-connections | limit-whitelist limit-allowlist
protection | a route names the sources that may ask, none that may not | Refuse them in the firewall, or name those that may ask in whitelist-source-range | | denylist-source-range
protection | a route wants every check to pass, it is not content with one of them | Set it to all, or give the unguarded way a host of its own | | satisfy
protection | a route does not ask clients for certificates | Guard the host by auth or by the app, then remove the annotation | | auth-tls-secret
protection | a route does not ask clients for certificates | Guard the host by auth or by the app, then remove the annotation | auth-tls-secret | auth-tls-verify-client auth-tls-verify-depth auth-tls-match-cn auth-tls-error-page auth-tls-pass-certificate-to-upstream
protection | a route does not shape the question to the authentication service | Let that service do without it, then remove the annotation | auth-url | auth-proxy-set-headers auth-method
behaviour | a route does not shape how people come back from signing in | Set it up in the authentication service, then remove the annotation | auth-url | auth-request-redirect auth-signin-redirect-param auth-always-set-cookie
tuning | the authentication service is asked for every request, over connections as the controller keeps them | Remove the annotation if it is not needed | auth-url | auth-cache-key auth-cache-duration auth-keepalive auth-keepalive-requests auth-keepalive-share-vars auth-keepalive-timeout
tuning | routes have no authentication but their own, so there is none to be let off | Remove the annotation | | enable-global-auth
protection | a route neither checks the certificate of a Service nor shows it one | Guard this way by a mesh or by the app, then remove the annotation | | proxy-ssl-secret
protection | a route neither checks the certificate of a Service nor shows it one | Guard this way by a mesh or by the app, then remove the annotation | proxy-ssl-secret | proxy-ssl-verify proxy-ssl-verify-depth proxy-ssl-protocols proxy-ssl-ciphers proxy-ssl-name proxy-ssl-server-name
protection | a route ends TLS itself, so traffic would be in the clear where it passes | Give the Service an address of its own | | ssl-passthrough
protection | a route has the ciphers of the controller | Set them for the whole controller, then remove the annotation | | ssl-ciphers
tuning | a route has the controller's order of ciphers | Remove the annotation if it is not needed | | ssl-prefer-server-ciphers
behaviour | a route does not send / to another path | Let the app do it, then remove the annotation | | app-root
behaviour | a route does not change the path of a request | Serve the app below that path, or give it a host of its own | | rewrite-target
behaviour | a route does not change the path of a request | Serve the app below that path, or give it a host of its own | rewrite-target | x-forwarded-prefix
behaviour | a path of a route is no regular expression, and this made one of every path of the host | Write each path as Prefix or Exact | | use-regex
behaviour | a route does not answer for other origins | Let the app answer them, then remove the annotation | | enable-cors
tuning | it goes with enable-cors | See there | enable-cors | cors-allow-origin cors-allow-methods cors-allow-headers cors-allow-credentials cors-expose-headers cors-max-age
behaviour | a path of a route has one Service | Remove the canary's Ingress, or give it a host of its own | | canary
tuning | it goes with canary | See there | canary | canary-by-header canary-by-header-value canary-by-header-pattern canary-by-cookie canary-weight canary-weight-total affinity-canary-behavior
behaviour | a route does not send a client to the same pod again | Run one replica or share the sessions, then remove the annotation | | affinity upstream-hash-by
tuning | it goes with affinity | See there | affinity | affinity-mode session-cookie-name session-cookie-expires session-cookie-path session-cookie-secure session-cookie-domain session-cookie-samesite session-cookie-max-age session-cookie-change-on-failure session-cookie-conditional-samesite-none
tuning | it goes with upstream-hash-by | See there | upstream-hash-by | upstream-hash-by-subset upstream-hash-by-subset-size
behaviour | redirects and cookies of the app pass unchanged | Tell the app the host and path it is reached by, then remove the annotation | | proxy-redirect-from proxy-cookie-domain proxy-cookie-path
behaviour | redirects and cookies of the app pass unchanged | Tell the app the host and path it is reached by, then remove the annotation | proxy-redirect-from | proxy-redirect-to
behaviour | a route does not copy requests to a second place | Remove the annotation if it is not needed | | mirror-target
tuning | it goes with mirror-target | See there | mirror-target | mirror-host mirror-request-body
behaviour | a route has one host | Write one more rule for each of these hosts | | server-alias
behaviour | a route has one host | Write a second Ingress with permanent-redirect for the other one | | from-to-www-redirect
behaviour | a Service is spoken to by http, https or grpc | Put a web server in front of it | | fastcgi-index fastcgi-params-configmap
tuning | errors are answered by the app or the controller, not by another Service | Remove the annotation if it is not needed | | default-backend custom-http-errors disable-proxy-intercept-errors
tuning | buffers are those of the controller | Set them for the whole controller if answers fail or stall | | client-body-buffer-size proxy-buffering proxy-buffer-size proxy-buffers-number proxy-busy-buffers-size proxy-max-temp-file-size proxy-request-buffering
tuning | pods are chosen as the controller does for all | Remove the annotation if it is not needed | | proxy-next-upstream proxy-next-upstream-timeout proxy-next-upstream-tries service-upstream load-balance
tuning | connections are kept as the controller does for all | Remove the annotation if it is not needed | | connection-proxy-header proxy-http-version http2-push-preload
tuning | logs and traces are those of the controller | Set them for the whole controller if they are needed | | enable-access-log enable-rewrite-log enable-opentelemetry
tuning | logs and traces are those of the controller | Set them for the whole controller if they are needed | enable-opentelemetry | opentelemetry-trust-incoming-span opentelemetry-operation-name
tuning | redirects are written as the controller does for all | Remove the annotation if it is not needed | | preserve-trailing-slash relative-redirects use-port-in-redirects
"""  # noqa: E501

# Value that changes nothing: annotations.
_DEFAULTS = {
    "false": """
        use-regex force-ssl-redirect service-upstream enable-cors canary ssl-passthrough enable-rewrite-log
        enable-opentelemetry http2-push-preload auth-always-set-cookie auth-keepalive-share-vars
        auth-tls-pass-certificate-to-upstream preserve-trailing-slash from-to-www-redirect relative-redirects
        enable-modsecurity enable-owasp-core-rules upstream-hash-by-subset disable-proxy-intercept-errors
        use-port-in-redirects
    """,
    "true": "enable-access-log ssl-prefer-server-ciphers enable-global-auth",
    "off": """
        proxy-buffering proxy-ssl-verify proxy-ssl-server-name proxy-redirect-from proxy-cookie-domain
        proxy-cookie-path
    """,
    "on": "proxy-request-buffering",
    "0": """
        limit-rps limit-rpm limit-connections limit-rate limit-rate-after auth-keepalive proxy-next-upstream-timeout
    """,
    "error timeout": "proxy-next-upstream",
    "3": "proxy-next-upstream-tries",
    "4": "proxy-buffers-number",
    "4k": "proxy-buffer-size",
    "1.1": "proxy-http-version",
    "HTTP": "backend-protocol",
    "GET": "auth-method",
    "rd": "auth-signin-redirect-param",
    "all": "satisfy",
}


def _rows(table: str) -> t.Iterator[list[str]]:
    for line in table.strip().splitlines():
        yield [cell.strip() for cell in line.split("|")]


def _verdicts() -> dict[str, Verdict]:
    kinds = {name: kind for kind, names in _KINDS.items() for name in names.split()}
    defaults = {name: value for value, names in _DEFAULTS.items() for name in names.split()}
    found = {}
    rows = [(loss, intent, "", "", *rest) for loss, intent, *rest in _rows(_SAID)]
    rows += [(loss, "", reason, fix, *rest) for loss, reason, fix, *rest in _rows(_UNSAID)]
    for loss, intent, reason, fix, needs, names in rows:
        for name in names.split():
            found[name] = Verdict(kinds[name], loss, intent, reason, fix, defaults.get(name, ""), tuple(needs.split()))
    return found


VERDICTS: t.Mapping[str, Verdict] = _verdicts()
