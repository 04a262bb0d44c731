"""Signed URLs: those that Google's own library makes, from a key, without a request."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud.storage import _signing  # type: ignore[import-untyped]
from google.oauth2.service_account import Credentials

from regstore._run import LoopRuntime
from regstore.drivers.gcs import gcs_store
from regstore.drivers.gcs.sign import Grant, can_sign, signed_url
from tests.gcs_server import BUCKET, FakeGcs

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 27, 16, 38, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def account() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "client_email": "robot@test.iam.gserviceaccount.com",
        "private_key": pem.decode(),
        "token_uri": "http://127.0.0.1:1/token",
    }


@pytest.fixture(scope="module")
def credentials(account: dict[str, str]) -> Any:  # noqa: ANN401 - google-auth has no types
    return Credentials.from_service_account_info(account)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("filename", [None, 'a "b" c\u00e9;.tar', "plain.tar"])
def test_a_url_is_the_one_that_google_s_library_makes(
    credentials: Any,  # noqa: ANN401
    method: Literal["GET", "HEAD"],
    filename: str | None,
) -> None:
    endpoint, path = "https://storage.googleapis.com", "/bucket/a/b-1.2_3~x"
    grant = Grant(endpoint, path, method, NOW, timedelta(minutes=20), filename)
    url = signed_url(credentials, grant)
    disposition = parse_qs(urlsplit(url).query).get("response-content-disposition", [None])[0]
    assert url == _signing.generate_signed_url_v4(
        credentials,
        path,
        1200,
        api_access_endpoint=endpoint,
        method=method,
        response_disposition=disposition,
        _request_timestamp="20261127T163859Z",
    )


def test_no_url_outlives_a_week(credentials: Any) -> None:  # noqa: ANN401
    grant = Grant("https://storage.googleapis.com", "/b/k", "GET", NOW, timedelta(days=30))
    assert "X-Goog-Expires=604800&" in signed_url(credentials, grant)


def test_who_has_no_key_cannot_sign(credentials: Any) -> None:  # noqa: ANN401
    assert can_sign(credentials)
    assert not can_sign(None)
    assert not can_sign("robot")


async def test_a_key_gives_urls_that_work_and_no_request(
    fake_gcs: FakeGcs, account: dict[str, str]
) -> None:
    url = fake_gcs.url()
    anonymous = gcs_store(url, fake_gcs.storage_options, LoopRuntime())
    await anonymous.put("a/b", b"content")
    await anonymous.aclose()
    store = gcs_store(url, {**fake_gcs.storage_options, "token": account}, LoopRuntime())
    assert store.capabilities.redirect
    signed = await store.sign("a/b", "GET", timedelta(minutes=1), "b.tar")
    await store.aclose()
    assert signed is not None
    assert signed.startswith(f"{fake_gcs.endpoint}/{BUCKET}/")
    assert account["private_key"] not in signed

    def fetch() -> bytes:
        with urllib.request.urlopen(signed, timeout=10) as answer:
            body: bytes = answer.read()
            return body

    assert await store.runtime.offload(fetch) == b"content"


@pytest.mark.parametrize(
    ("token", "may"),
    [
        ("anon", False),
        ("cloud", False),
        (None, True),
        ("google_default", True),
        ("/etc/key.json", True),
        ({"type": "authorized_user", "refresh_token": "x"}, False),
    ],
)
def test_what_may_sign_is_told_before_any_request(token: object, may: bool) -> None:
    store = gcs_store("gs://registry", {"token": token}, LoopRuntime())
    assert store.capabilities.redirect is may
