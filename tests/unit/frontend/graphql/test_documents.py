"""Documents are parsed and validated once, in bounded memory."""

from typing import Any

import pytest
from graphql import GraphQLSyntaxError, ValidationContext, ValidationRule, build_schema

from services.frontend.graphql.documents import DOCUMENT_CHARACTERS_MAX, Documents

SCHEMA = build_schema("type Query { name: String }")


class Counting(ValidationRule):
    runs = 0

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        Counting.runs += 1


@pytest.fixture
def documents() -> Documents:
    Counting.runs = 0
    return Documents([Counting], tokens_max=50)


def test_the_same_text_is_checked_once(documents: Documents) -> None:
    first = documents.check(SCHEMA, "{ name }")
    assert documents.check(SCHEMA, "{ name }") is first
    assert documents.check(SCHEMA, "{ name  }") is not first
    assert Counting.runs == 2


def test_the_verdict_is_kept_too(documents: Documents) -> None:
    for _ in range(2):
        (error,) = documents.check(SCHEMA, "{ age }").errors
        assert "age" in error.message
    assert Counting.runs == 1


def test_a_long_document_is_not_kept(documents: Documents) -> None:
    long = "{ name }" + " " * DOCUMENT_CHARACTERS_MAX
    for _ in range(2):
        assert documents.check(SCHEMA, long).errors == []
    assert Counting.runs == 2


@pytest.mark.parametrize("text", ["", "{", "{" + " name" * 60 + "}"])
def test_what_is_no_document_or_too_long_is_refused(documents: Documents, text: Any) -> None:
    with pytest.raises(GraphQLSyntaxError):
        documents.check(SCHEMA, text)
    assert Counting.runs == 0
