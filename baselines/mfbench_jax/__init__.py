"""JAX baselines of mfbench: models, meta-learners and method adapters."""

import os

from mfbench.work.keep_memory import keep_freed_memory
from mfbench_jax.compile_cache import keep_compiled_programs

keep_freed_memory()
if os.environ.get("OMP_NUM_THREADS") == "1":
    # The user asks for one thread a process; XLA does not read the variable, so say it in its words.
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
keep_compiled_programs()
