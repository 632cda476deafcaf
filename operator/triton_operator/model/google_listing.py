"""Lists of objects in Google's JSON: how a page is asked for, and what it says.

https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from triton_operator.model import reasons
from triton_operator.model.addresses import UNRESERVED
from triton_operator.model.errors import SourceRefused
from triton_operator.model.listed_keys import Page


class _Object(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    size: int = Field(ge=0)
    """Sent as text, since numbers of JSON are too small for it."""


class _Page(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    items: list[_Object] | None = None
    next: str | None = Field(None, alias="nextPageToken")


def google_page_query(prefix: str, token: str | None) -> str:
    """The query for the page at `token`, None for the first one."""
    asked = {
        "fields": "items(name,size),nextPageToken",
        "maxResults": "1000",
        "prefix": prefix,
    }
    if token is not None:
        asked["pageToken"] = token
    return "&".join(f"{name}={quote(text, safe=UNRESERVED)}" for name, text in asked.items())


def google_page(data: bytes) -> Page:
    """The page in an answer, which nobody vouches for.

    Raises:
        SourceRefused: `SourceMisbehaves`.
    """
    try:
        found = _Page.model_validate_json(data)
    except ValidationError as error:
        raise SourceRefused(
            reasons.SOURCE_MISBEHAVES,
            "the store's list of objects is unusable: it is no JSON of Google Cloud Storage",
        ) from error
    return Page([(row.name, row.size) for row in found.items or ()], found.next or None)
