"""ListObjectsV2 of S3: how a page is asked for, and what its XML says.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from urllib.parse import quote, unquote_plus
from xml.parsers import expat

from triton_operator.model import reasons
from triton_operator.model.addresses import UNRESERVED
from triton_operator.model.errors import SourceRefused
from triton_operator.model.listed_keys import Page

_CONTENTS = ("ListBucketResult", "Contents")
_DEEPEST = 16


def s3_page_query(prefix: str, token: str | None) -> str:
    """The query for the page at `token`, None for the first one."""
    asked = {"encoding-type": "url", "list-type": "2", "max-keys": "1000", "prefix": prefix}
    if token is not None:
        asked["continuation-token"] = token
    return "&".join(f"{name}={quote(text, safe=UNRESERVED)}" for name, text in asked.items())


def s3_page(data: bytes) -> Page:
    """The page in an answer, which nobody vouches for.

    Raises:
        SourceRefused: `SourceMisbehaves`.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(data, True)
        return reader.page()
    except (expat.ExpatError, ValueError) as error:
        raise _unusable(str(error)) from error


class _Reader:
    def __init__(self) -> None:
        self._path: list[str] = []
        self._words: list[str] = []
        self._fields: dict[str, str] = {}
        self._row: dict[str, str] = {}
        self._rows: list[dict[str, str]] = []

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._path.append(name.rpartition(":")[2])
        self._words = []
        if len(self._path) > _DEEPEST or self._path[0] != "ListBucketResult":
            raise _unusable("it is no list of objects")
        if tuple(self._path) == _CONTENTS:
            self._row = {}

    def text(self, data: str) -> None:
        self._words.append(data)

    def end(self, _name: str) -> None:
        at = tuple(self._path)
        if at == _CONTENTS:
            self._rows.append(self._row)
        elif at[:-1] == _CONTENTS:
            self._row[at[-1]] = "".join(self._words)
        elif len(at) == 2:
            self._fields[at[1]] = "".join(self._words)
        self._words = []
        self._path.pop()

    def doctype(self, *_about: object) -> None:
        raise _unusable("it has a document type")

    def page(self) -> Page:
        # A store that does not know the parameter sends keys as they are, and says so.
        quoted = self._fields.get("EncodingType") == "url"
        sizes = []
        for row in self._rows:
            if "Key" not in row or not row.get("Size", "").isdecimal():
                raise _unusable("an object has no key or no size")
            key = unquote_plus(row["Key"], errors="strict") if quoted else row["Key"]
            sizes.append((key, int(row["Size"])))
        more = self._fields.get("IsTruncated") == "true"
        token = self._fields.get("NextContinuationToken")
        if more and not token:
            raise _unusable("there are more objects, but it does not say how to ask for them")
        return Page(sizes, token if more else None)


def _unusable(what: str) -> SourceRefused:
    return SourceRefused(
        reasons.SOURCE_MISBEHAVES, f"the store's list of objects is unusable: {what}"
    )
