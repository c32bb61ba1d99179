"""The submissions that ship with the board: short runs of the reference methods, filed like anybody's.

python scripts/reference_submissions.py                 # evaluates or resumes, then files
python scripts/reference_submissions.py --runs FOLDER   # where the runs are, or will be
"""

import argparse
from pathlib import Path

import mfbench
from mfbench.store import open_store
from mfbench.submission import check_run
from mfbench.submission.card import read_card, write_card

ROOT = Path(__file__).resolve().parent.parent
KS, DRAWS = (0, 10, 50), 2
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
    *(("chemistry-mini", "mace", method) for method in ABOUT),
]
NOTE = " Reference run with few draws (2); results/{split}.json holds what the README shows."


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "submissions")
    parser.add_argument("--to", default=str(ROOT / "leaderboard" / "submissions"))
    arguments = parser.parse_args()
    for split, arch, method in RUNS:
        run = arguments.runs / split / (method if arch == "mace" else f"{method}-{arch}")
        resume = (run / "run.json").is_file()
        mfbench.evaluate(
            method, split, ks=KS, draws=DRAWS, arch=arch, out=run, resume=resume, progress=True
        )
        path = run / "submission.yaml"
        path.unlink(missing_ok=True)
        check_run(run)
        card = read_card(path.read_bytes())
        about = ABOUT[method].format(arch=NAMES[arch]) + NOTE.format(split=split)
        said = {"description": about, "authors": ["the mfbench developers"]}
        path.write_text(write_card(card.model_copy(update=said)))
        name, message = open_store(arguments.to).submit(check_run(run))
        print(f"{name}  {message or 'filed'}")


if __name__ == "__main__":
    main()
