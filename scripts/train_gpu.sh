#!/usr/bin/env bash
# Trains the plan on one card in calls of at most ten minutes; call it again until it says that all is done.
#
#   scripts/train_gpu.sh [OUT] [MINUTES]     # default: runs/long 9
#   DRY_RUN=1 scripts/train_gpu.sh /tmp/dry  # the same code on the CPU, a few steps of everything
#
# Needs Python >= 3.11 with this project and JAX 0.10 or 0.11: pip install -e '.[jax]' 'jax[cuda12]'.
set -euo pipefail
cd "$(dirname "$0")/.."
OUT=${1:-runs/long}
MINUTES=${2:-9}
PLAN=${PLAN:-scripts/train_long.yaml}
PYTHON=${PYTHON:-python3}
mkdir -p "$OUT"
# Programs compiled in one call serve the next, wherever the folder of runs is carried.
export MFBENCH_COMPILE_CACHE=${MFBENCH_COMPILE_CACHE:-"$OUT/compiled"}
# Most of the card is for one process, but not before it is needed.
export XLA_PYTHON_CLIENT_PREALLOCATE=${XLA_PYTHON_CLIENT_PREALLOCATE:-false}
if [[ -n "${DRY_RUN:-}" ]]; then
  export JAX_PLATFORMS=cpu
  exec "$PYTHON" scripts/train_long.py --plan "$PLAN" --out "$OUT" --dry-run
fi
"$PYTHON" -c 'import jax; d = jax.devices(); print(jax.__version__, d); assert d[0].platform != "cpu", "no card"'
code=0
"$PYTHON" scripts/train_long.py --plan "$PLAN" --out "$OUT" --minutes "$MINUTES" || code=$?
case $code in
  0) echo "all done" ;;
  3) echo "time was over: call again to go on" ;;
  *) exit "$code" ;;
esac
