"""Writes of the table port in DynamoDB's own expressions: one operation of a transaction each.

Pure: makes the request and sends nothing. What an expectation means stands in table.py; on an
expired item that is still stored every condition here fails, and the engine looks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .table import Expect, Key

COUNTER = "counter_"
"""Counter attributes begin so, and can never meet the other attributes."""
TTL = "expires"
_NAMES = {"#partition": "partition", "#version": "version", "#expires": TTL, "#body": "body"}
NOT_EXPIRED = "(attribute_not_exists(#expires) OR #expires > :now)"


def address(key: Key) -> dict[str, Any]:
    """A key as DynamoDB takes it."""
    return {"partition": {"S": key.partition}, "sort": {"S": key.sort}}


class Operation:
    """Writes one operation of a transaction in DynamoDB's expressions."""

    def __init__(self, table: str, key: Key, now: str) -> None:
        self._table = table
        self._key = address(key)
        self._values: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._now = now

    def put(self, body: str, expires: int | None, expect: Expect | int) -> dict[str, dict[str, Any]]:
        self._values |= {":body": {"S": body}, ":zero": {"N": "0"}, ":one": {"N": "1"}}
        update = "SET #body = :body, #version = if_not_exists(#version, :zero) + :one"
        if expires is None:
            update += " REMOVE #expires"
        else:
            self._values[":expires"] = {"N": str(expires)}
            update += ", #expires = :expires"
        return self._update(update, expect)

    def add(self, steps: Mapping[str, int], expect: Expect | int) -> dict[str, dict[str, Any]]:
        self._values |= {":empty": {"S": "{}"}, ":zero": {"N": "0"}, ":one": {"N": "1"}}
        parts = []
        for number, (name, step) in enumerate(steps.items()):
            self._names[f"#c{number}"] = COUNTER + name
            self._values[f":c{number}"] = {"N": str(step)}
            parts.append(f"#c{number} :c{number}")
        return self._update(
            "SET #body = if_not_exists(#body, :empty), #version = if_not_exists(#version, :zero) + :one "
            f"ADD {', '.join(parts)}",
            expect,
        )

    def replace(
        self, body: str, expires: int | None, steps: Mapping[str, int], expired: tuple[str, str]
    ) -> dict[str, dict[str, Any]]:
        """Put a new item where exactly this expired one is."""
        version, expiry = expired
        item: dict[str, Any] = {**self._key, "body": {"S": body}, "version": {"N": "1"}}
        if expires is not None:
            item[TTL] = {"N": str(expires)}
        for name, step in steps.items():
            item[COUNTER + name] = {"N": str(step)}
        self._values |= {":before": {"N": version}, ":expiry": {"N": expiry}}
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                **self._condition("#version = :before AND #expires = :expiry"),
            }
        }

    def delete(self, expect: Expect | int) -> dict[str, dict[str, Any]]:
        condition = self._condition(self._expectation(expect)) if expect is not Expect.ANY else {}
        return {"Delete": {"TableName": self._table, "Key": self._key, **condition}}

    def check(self, expect: Expect | int) -> dict[str, dict[str, Any]]:
        if expect is Expect.ABSENT:
            self._values[":now"] = {"N": self._now}
            condition = "attribute_not_exists(#partition) OR #expires <= :now"
        else:
            condition = self._expectation(expect)
        return {"ConditionCheck": {"TableName": self._table, "Key": self._key, **self._condition(condition)}}

    def _update(self, update: str, expect: Expect | int) -> dict[str, dict[str, Any]]:
        return {
            "Update": {
                "TableName": self._table,
                "Key": self._key,
                "UpdateExpression": update,
                **self._condition(self._expectation(expect), update),
            }
        }

    def _expectation(self, expect: Expect | int) -> str:
        """The condition for an item that is absent or live; on an expired one every condition fails."""
        if expect is Expect.ABSENT:
            return "attribute_not_exists(#partition)"
        self._values[":now"] = {"N": self._now}
        if expect is Expect.ANY:
            return NOT_EXPIRED
        if expect is Expect.PRESENT:
            return f"attribute_exists(#partition) AND {NOT_EXPIRED}"
        self._values[":expected"] = {"N": str(expect)}
        return f"#version = :expected AND {NOT_EXPIRED}"

    def _condition(self, condition: str, update: str = "") -> dict[str, Any]:
        used = f"{condition} {update}"
        # DynamoDB refuses names that no expression uses.
        names = {name: attribute for name, attribute in _NAMES.items() if name in used}
        more = {"ExpressionAttributeValues": self._values} if self._values else {}
        return {
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names | self._names,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **more,
        }
