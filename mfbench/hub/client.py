"""The Hub's own client (``huggingface_hub``), and its failures as ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mfbench.errors import ProtocolError, TransferError
from mfbench.work.version import __version__

__all__ = ["hub_api", "hub_errors", "hub_files"]


def hub_api() -> Any:
    """A client of the endpoint that $HF_ENDPOINT names (default: the public Hub); the token is that of
    $HF_TOKEN or of ``hf auth login``."""
    from huggingface_hub import HfApi

    endpoint = os.environ.get("HF_ENDPOINT") or None
    return HfApi(endpoint=endpoint, library_name="mfbench", library_version=__version__)


def hub_files() -> Any:
    """The same Hub as a file system: its files are read from any byte on."""
    from huggingface_hub import HfFileSystem

    return HfFileSystem(endpoint=os.environ.get("HF_ENDPOINT") or None)


@contextmanager
def hub_errors(repository: str, revision: str | None) -> Iterator[None]:
    """Turn what the client raises into one line that says what to do.

    Raises:
        TransferError: no network, no such repository or revision, no permission, a broken transfer.
        ProtocolError: the repository's name is none.
    """
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError:
        raise TransferError(f"{repository} asks its readers to accept terms first: log in there") from None
    except errors.RevisionNotFoundError:
        raise TransferError(f"{repository} has no revision '{revision or 'main'}'") from None
    except errors.RepositoryNotFoundError:
        raise TransferError(
            f"there is no dataset repository {repository}, or you may not read it: check its name, "
            "log in with 'hf auth login' or set HF_TOKEN"
        ) from None
    except errors.EntryNotFoundError as error:
        if isinstance(error, errors.LocalEntryNotFoundError):  # how a download says that it got nowhere
            raise _unreachable(repository, error) from None
        raise FileNotFoundError(f"{repository} lacks a file that its manifest names: {error}") from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise TransferError(
                f"no permission for {repository} (HTTP {status}): log in with 'hf auth login' or set "
                "HF_TOKEN to a token that may do this"
            ) from None
        raise TransferError(f"the Hub answered {status} for {repository}: try again later") from None
    except errors.HFValidationError as error:
        raise ProtocolError(f"'{repository}' is not a repository's name: {error}") from None
    except (errors.HTTPError, OSError) as error:  # type: ignore[attr-defined]  # connections, time-outs, broken transfers
        raise _unreachable(repository, error) from None
    except RuntimeError as error:  # an upload's, around the reason
        raise _unreachable(repository, error.__cause__ or error) from None


def _unreachable(repository: str, error: BaseException) -> TransferError:
    reason = (str(error).splitlines() or [""])[0] or type(error).__name__
    return TransferError(f"the transfer with {repository} failed ({reason}): run the command again")
