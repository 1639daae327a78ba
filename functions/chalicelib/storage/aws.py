"""Calling AWS: clients with explicit time-outs, and one bounded policy for trying again.

botocore's own retries are off, because a write that was sent twice must be known as
such: only then can it be told whether nothing was written or nobody knows. boto3 is
imported when the first client is made, so that importing this costs nothing.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .table import Busy, StorageError, Unclear

if TYPE_CHECKING:
    from boto3.session import Session

CONNECT_S = 2.0
READ_S = 8.0
"""A request to DynamoDB or S3 is answered in milliseconds; this long means that it is lost."""
THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Answers that mean: not now, and nothing was done."""
CONTENDED = frozenset(
    {"ConditionalRequestConflict", "OperationAborted", "TransactionConflict", "TransactionConflictException"}
)
"""Answers that mean: somebody else was at it, and nothing was done."""
IN_PROGRESS = "TransactionInProgressException"
_session_lock = threading.Lock()


class Refused(Exception):
    """AWS answered with an error that trying again does not mend. `code` and `response` as it came."""

    def __init__(self, operation: str, code: str, response: Any) -> None:
        self.operation = operation
        self.code = code
        self.response = response
        super().__init__(f"{operation}: {code}")

    def as_storage_error(self, what: str) -> StorageError:
        """For codes that nobody expects, with AWS's message, which names resources and never contents."""
        message = self.response.get("Error", {}).get("Message", "")
        return StorageError(f"{self.operation} on {what} was refused: {self.code}: {message}")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a call is tried: exponential back-off with full jitter.

    No attempt begins after `patience_s` seconds.
    """

    attempts: int = 10
    patience_s: float = 10.0
    base_s: float = 0.025
    most_s: float = 1.0
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int) -> None:
        """Sleep before attempt number `attempt` (from 1), so that competitors spread out."""
        self.sleep(self.jitter() * min(self.most_s, self.base_s * 2**attempt))


@lru_cache(maxsize=1)
def _session() -> Session:
    """One session for all clients: it reads its service descriptions once, which is most of what a client costs."""
    from boto3.session import Session

    return Session()


def client(
    service: str, *, endpoint_url: str | None, region: str | None, signature: str | None = None
) -> Any:
    """A new client; clients are safe to share between threads, making them is not."""
    from botocore.config import Config

    with _session_lock:
        return _session().client(  # type: ignore[call-overload]
            service,
            endpoint_url=endpoint_url,
            region_name=region,
            config=Config(
                connect_timeout=CONNECT_S,
                read_timeout=READ_S,
                retries={"total_max_attempts": 1},
                signature_version=signature,
                tcp_keepalive=True,
                # One host name per region: what VPC endpoints and stand-ins answer to.
                account_id_endpoint_mode="disabled",
                max_pool_connections=20,
            ),
        )


def call(
    method: Callable[..., Any],
    retries: Retries,
    *,
    writes: bool,
    what: str,
    repeatable: bool = True,
    **arguments: Any,
) -> Any:
    """One call to AWS, tried again while that can help; the arguments stay the same, tokens included.

    Raises Busy when throttling or contention outlasted the attempts, Unclear when a call
    that `writes` may have happened without an answer, Refused for every other answer. A
    call that is not `repeatable` would read its own first attempt as somebody else's:
    once an answer is lost it is Unclear.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,
        HTTPClientError,
        IncompleteReadError,
    )

    operation = getattr(method, "__name__", "call")
    deadline = time.monotonic() + retries.patience_s
    lost = False
    attempt = 0
    while True:
        attempt += 1
        try:
            return method(**arguments)
        except ClientError as error:
            # Exceptions of botocore hold answers and arguments: `from None` keeps them out of logs.
            response: Any = error.response
            code = str(response.get("Error", {}).get("Code", ""))
            if not _passing(code, response):
                raise Refused(operation, code, response) from None
            reason = code
            lost = lost or code == IN_PROGRESS or code not in THROTTLED | CONTENDED | {_CANCELED}
        except ConnectionError as error:
            reason = type(error).__name__
        except (HTTPClientError, IncompleteReadError) as error:
            reason = type(error).__name__
            lost = True
        except BotoCoreError as error:
            # No credentials, for one. The message of others can show arguments: the name must do.
            raise StorageError(f"{operation} on {what} could not be called: {type(error).__name__}") from None
        if (lost and not repeatable) or attempt >= retries.attempts or time.monotonic() > deadline:
            tried = f"{operation} on {what} failed {attempt} times, last with {reason}"
            if writes and lost:
                raise Unclear(f"{tried}: it may have been written or not")
            raise Busy(f"{tried}: try again later")
        retries.pause(attempt)


_CANCELED = "TransactionCanceledException"


def _passing(code: str, response: Any) -> bool:
    """Whether the same call can succeed later."""
    if code == _CANCELED:
        reasons = {reason.get("Code") for reason in response.get("CancellationReasons", [])} - {"None", None}
        # A failed condition is an answer, also when something else was in the way as well.
        return bool(reasons) and reasons <= THROTTLED | CONTENDED
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in THROTTLED | CONTENDED or code == IN_PROGRESS or status >= 500
