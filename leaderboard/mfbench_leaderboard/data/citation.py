"""A row of the board as a BibTeX entry: who made it, and the hashes of data, code and weights behind it."""

from __future__ import annotations

from mfbench.store.rows import Summary

__all__ = ["bibtex"]

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "$": r"\$", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def bibtex(summary: Summary, address: str) -> str:
    """The entry of a submission; ``address``: of its page, empty if it has none that lasts."""
    card, run = summary.card, summary.card.run
    note = [
        f"{card.track} track",
        f"K = {', '.join(map(str, run.ks))}",
        run.level_of_theory,
        f"data hash {run.data_hash}",
        f"code {card.code_version}" if card.code_version else "",
        f"weights SHA-256 {card.weights_sha256}" if card.weights_sha256 else "",
        f"paper {card.paper}" if card.paper else "",
    ]
    fields = {
        "title": f"{_text(card.method)} on {_text(f'{run.split} {run.split_version}'.strip())}: "
        "a row of the {mfbench} leaderboard",
        "author": " and ".join(_author(name) for name in card.authors) or "{anonymous}",
        "year": summary.filed_at[:4],
        "howpublished": f"Submission {_text(summary.id)}",
        "note": _text("; ".join(part for part in note if part)),
        "url": address,
    }
    lines = (f"  {name:12} = {{{value}}}" for name, value in fields.items() if value)
    return f"@misc{{mfbench:{summary.id},\n" + ",\n".join(lines) + "\n}\n"


def _text(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _author(name: str) -> str:
    """A name; in braces, so that it is kept whole, where it is no person's."""
    whole = name[:1].islower() or " and " in name
    return f"{{{_text(name)}}}" if whole else _text(name)
