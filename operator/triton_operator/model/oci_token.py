"""How a container registry lets a request in: it names a token server, which knows the user.

https://distribution.github.io/distribution/spec/auth/token/
"""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

import urllib3

from triton_operator.model import reasons
from triton_operator.model.authorization import Headers, Refusal, basic
from triton_operator.model.connection import Requests, without_query
from triton_operator.model.docker_config import KEY, RegistryUser
from triton_operator.model.download import Conditions
from triton_operator.model.errors import SourceRefused
from triton_operator.model.http_answers import store_word
from triton_operator.model.tokens import Token, asked_token

_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')


class RegistryAuthorization:
    """Pulls from one repository as `user`, or as nobody; most registries want a token for both.

    `actions` are what is asked for: `pull`, or `pull,push`.
    """

    wanted = f"`{KEY}`, or `username` and `password`,"

    def __init__(
        self,
        user: RegistryUser | None,
        repository: str,
        around: Conditions,
        actions: str = "pull",
    ) -> None:
        self._user = user
        self._repository = repository
        self._actions = actions
        self._around = around
        self._requests = Requests(around.network)
        self._network = around.network
        self._now = around.now
        self._challenge: dict[str, str] | None = None
        self._token: Token | None = None
        self._basic: str | None = None

    def pushing(self) -> "RegistryAuthorization":
        """The same user, and how this registry asks as far as that is known, to push too."""
        other = RegistryAuthorization(
            self._user, self._repository, self._around, actions="pull,push"
        )
        other._challenge = self._challenge
        other._basic = self._basic
        return other

    @property
    def present(self) -> bool:
        """Whether there is a user."""
        return self._user is not None

    def authorized(
        self, url: str, headers: Headers, timeout: urllib3.Timeout
    ) -> tuple[str, Headers]:
        """`headers` with what the registry asked for so far."""
        if self._basic is not None:
            return url, {**headers, "Authorization": self._basic}
        if self._challenge is None:
            return url, headers
        now = self._now()
        if self._token is None or not self._token.lasts(now):
            challenge = self._challenge
            self._token = asked_token(lambda: self._ask(challenge, timeout), now, self._refused)
        return url, {**headers, "Authorization": f"Bearer {self._token.value}"}

    def learns(self, refusal: Refusal, timeout: urllib3.Timeout) -> bool:
        """Whether the answer names a token server, or wants the password itself."""
        if refusal.status != 401:
            return False
        asked = refusal.headers.get("WWW-Authenticate", "")
        scheme, _, rest = asked.partition(" ")
        if scheme.lower() == "basic":
            if self._user is None or self._basic is not None:
                return False
            self._basic = basic(self._user.name, self._user.password)
            return True
        challenge = dict(_PARAMETER.findall(rest))
        if scheme.lower() != "bearer" or not self._network.encrypted(challenge.get("realm", "")):
            return False
        if self._token is not None and self._challenge == challenge:
            # It may have run out before its time; the connection asks only a few times.
            self._token = None
        self._challenge = challenge
        return True

    def _ask(
        self, challenge: Mapping[str, str], timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        realm = challenge["realm"]
        scope = f"repository:{self._repository}:{self._actions}"
        named = {"service": challenge["service"]} if "service" in challenge else {}
        accept = {"Accept": "application/json"}
        user = self._user
        if user is not None and user.identity_token is not None:
            form = {
                **named,
                "grant_type": "refresh_token",
                "refresh_token": user.identity_token,
                "client_id": "triton-operator",
                "scope": scope,
            }
            return self._requests.send("POST", realm, accept, timeout, form=form)
        if user is not None:
            accept["Authorization"] = basic(user.name, user.password)
        mark = "&" if "?" in realm else "?"
        url = f"{realm}{mark}{urlencode({**named, 'scope': scope})}"
        return self._requests.send("GET", url, accept, timeout)

    def _refused(self, refusal: Refusal) -> SourceRefused:
        word = store_word(refusal)
        realm = without_query((self._challenge or {}).get("realm", ""))
        advice = (
            f"the credentials in the Secret of {self._network.secret_field} are not accepted"
            if self.present
            else f"name a Secret with {self.wanted} in {self._network.secret_field}"
        )
        return SourceRefused(
            reasons.SOURCE_FORBIDDEN,
            f"{realm} gives no token to {self._actions} {self._repository}: "
            f"it answers {refusal.status}" + (f" ({word})" if word else "") + f"; {advice}",
        )
