"""The submissions that ship with the board: short runs of the reference methods, filed like anybody's.

python scripts/reference_submissions.py                 # evaluates or resumes, then files
python scripts/reference_submissions.py --runs FOLDER   # where the runs are, or will be
"""

import argparse
import re
from dataclasses import replace
from pathlib import Path

from thin import said as kept
from thin import thinned

import mfbench
from mfbench.errors import SubmissionError
from mfbench.protocol.registry import start_of
from mfbench.store import file_submission, open_store
from mfbench.submission import check_run
from mfbench.submission.card import read_card, write_card

ROOT = Path(__file__).resolve().parent.parent
KS, DRAWS = (0, 10, 50), 1
ABOUT = {
    "constant": "Energy baseline and closed-form offsets, zero forces: the line to beat.",
    "offset": "Pre-trained {arch}; only energy offsets are solved from the support, in closed form.",
    "ridge": "Pre-trained {arch}, frozen; energies and forces regressed in closed form on its features.",
    "pretrain": "{arch}, joint training over all meta-train families, then 20 steps of fine-tuning.",
    "maml": "{arch}, second-order MAML from a joint start, then 20 steps.",
    "maml++": "{arch}, MAML++ (learned rates, multi-step loss, annealed order) from a joint start.",
    "anil": "{arch}, second-order MAML whose inner loop moves the readouts alone.",
    "fomaml": "{arch}, first-order MAML from a joint start, then 20 steps.",
    "reptile": "{arch}, Reptile from a joint start, then 20 steps.",
}
NAMES = {"mace": "MACE", "nequip": "NequIP", "allegro": "Allegro"}
RUNS = [
    *(("cath-mini", "mace", method) for method in ABOUT),
    *(("cath-mini", arch, method) for arch in ("nequip", "allegro") for method in ("pretrain", "maml")),
    *(("chemistry-mini", "mace", m) for m in ("constant", "offset", "ridge", "pretrain", "maml")),
]
NOTE = " Reference run with one draw; results/{split}.json holds all of them." + kept()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "submissions")
    parser.add_argument("--to", default=str(ROOT / "leaderboard" / "submissions"))
    parser.add_argument(
        "--only", default="", help="runs such as cath-mini/maml-nequip, separated by commas"
    )
    arguments = parser.parse_args()
    wanted = [name for name in arguments.only.split(",") if name]
    for split, arch, method in RUNS:
        name = f"{split}/{method}" + f"-{arch}" * (arch != "mace")
        if wanted and name not in wanted:
            continue
        run = arguments.runs / name
        if not (run / "results.json").is_file():
            resume = (run / "run.json").is_file()
            mfbench.evaluate(
                method, split, ks=KS, draws=DRAWS, arch=arch, out=run, resume=resume, progress=True
            )
        about = ABOUT[method].format(arch=NAMES[arch]) + NOTE.format(split=split)
        said = {"description": about, "authors": ["the mfbench developers"]}
        thin = thinned(run, arguments.runs / "thin" / name, ks=KS, draws=DRAWS)
        print("{}  {}".format(*file(thin, arguments.to, said, deposit=start_of(method) == method)))


def file(run, to, said, deposit=True):
    """Draft the card, complete it and submit; returns the id and a message.

    All methods start from one joint phase. Where that leaves two of them alike, the card names the other.
    ``deposit``: with the weights, which the fresh test needs.
    """
    path = run / "submission.yaml"
    path.unlink(missing_ok=True)
    check_run(run)
    path.write_text(write_card(read_card(path.read_bytes()).model_copy(update=said)))
    try:
        checked = check_run(run)
        if not deposit:
            card = checked.card.model_copy(update={"weights_sha256": None})
            checked = replace(checked, card=card, weights={})
        name, message = file_submission(open_store(to), checked)
    except SubmissionError as error:
        like = re.search(r"are those of (\S+):", str(error))
        if like is None or "derived_from" in said:
            raise
        return file(run, to, {**said, "derived_from": like[1]}, deposit)
    return name, message or "filed"


if __name__ == "__main__":
    main()
