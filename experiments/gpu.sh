#!/usr/bin/env bash
# Collects, trains and evaluates on a machine that is lent for minutes at a time, call after call.
#
#     MINUTES=9 OUT=back experiments/gpu.sh [override ...]        the same again, until it says "finished"
#
# Each call does what the last one left: demonstrations on all cores (the same ones from the same seed, so they need
# not travel), stage after stage of the training from its last checkpoint, then the evaluation. Before it ends it packs
# what the next call needs into $OUT: checkpoints, the training's state, results and logs, in at most 7 pieces of 15 MiB
# and one log. On a bare machine, put these back into a folder and give it as FROM.
#
# MINUTES  for everything, packing included (default 9)     OUT   what comes back (default outputs/gpu)
# FROM     folder of an earlier call's pieces (default OUT) PLAN  1 = print the commands and end
# WORK     where it works (default outputs/gpu_work)
# PYTHON   default .venv/bin/python, else python3           ENV   default sort_toys
#
# Overrides are those of experiments/run.py and go to every command: train.preset=..., collect.episodes=..., trials=...
set -euo pipefail
cd "$(dirname "$0")/.."

MINUTES=${MINUTES:-9} OUT=${OUT:-outputs/gpu} FROM=${FROM:-${OUT:-outputs/gpu}} ENV=${ENV:-sort_toys} PLAN=${PLAN:-0}
PYTHON=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
CORES=$(env -u OMP_NUM_THREADS nproc) # which would take that for the number of cores
WORK=${WORK:-outputs/gpu_work}
DATA=$WORK/data TRAIN=$WORK/train RESULTS=$WORK/results
PIECES=${PIECES:-7} PIECE_MIB=15 # of what may come back: 8 files of 16 MiB
PACKING_S=${PACKING_S:-45}
START=$SECONDS
export PYTHONPATH=$PWD HF_HUB_OFFLINE=1 WANDB_MODE=${WANDB_MODE:-offline} PYTHONUNBUFFERED=1
export MUJOCO_GL=${MUJOCO_GL:-egl} OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 LP_NUM_THREADS=0

left() { echo $((MINUTES * 60 - PACKING_S - (SECONDS - START))); }

run() { # overrides: one command within the time that is left; 0 = done, 1 = out of time, else its own error
    local command=("$PYTHON" experiments/run.py "env=$ENV" "$@")
    if [ "$PLAN" = 1 ]; then
        echo "${command[*]}"
        return 0
    fi
    local seconds code=0
    seconds=$(left)
    [ "$seconds" -gt 20 ] || return 1
    echo "== ${command[*]}  (${seconds} s)" | tee -a "$OUT/log.txt"
    # Like Ctrl-C: training and evaluation go on from there in the next call.
    timeout --signal=INT --kill-after=20 "$seconds" "${command[@]}" >>"$OUT/log.txt" 2>&1 || code=$?
    case $code in
    0) return 0 ;;
    124 | 130 | 137) return 1 ;;
    *)
        tail -n 30 "$OUT/log.txt" >&2
        pack
        exit "$code"
        ;;
    esac
}

unpack() { # what an earlier call left, unless this machine still has it
    if compgen -G "$FROM/state.tar.*" >/dev/null && [ ! -e "$TRAIN" ]; then
        mkdir -p "$WORK"
        cat "$FROM"/state.tar.* | tar x -C "$WORK"
    fi
}

pack() { # weights of the last stage, the state of the one that runs, results and logs
    local all=() kept path
    for path in train results; do [ ! -e "$WORK/$path" ] || all+=("$path"); done
    [ ${#all[@]} -gt 0 ] || return 0
    rm -f "$OUT"/state.tar.*
    # Conditions and indexes are made anew in moments; of finished stages the last alone is gone on from.
    kept=(--exclude=conditions.pt --exclude=llava --exclude=videos --exclude='*.mp4')
    local stage last=""
    for stage in $(cd "$WORK" && ls -d train/*/checkpoint 2>/dev/null | sort -V); do
        [ -z "$last" ] || kept+=("--exclude=$last/model-*")
        kept+=("--exclude=$(dirname "$stage")/resume")
        last=$stage
    done
    tar c -C "$WORK" "${kept[@]}" "${all[@]}" | split -b "${PIECE_MIB}M" -d - "$OUT/state.tar."
    local count
    count=$(ls "$OUT"/state.tar.* | wc -l)
    if [ "$count" -gt "$PIECES" ]; then
        echo "the state takes $count pieces of $PIECE_MIB MiB, $PIECES may come back; train a smaller preset here" >&2
        exit 3
    fi
    tail -c 4000000 "$OUT/log.txt" >"$OUT/log.txt.part" && mv "$OUT/log.txt.part" "$OUT/log.txt"
    echo "packed $count piece(s): $(du -ch "$OUT"/state.tar.* | tail -n 1 | cut -f1)"
}

last_checkpoint() { # of the stages that are finished; their names begin with their numbers
    ls -d "$TRAIN"/*/checkpoint 2>/dev/null | sort -V | tail -n 1 | grep . || echo "$TRAIN/LAST_STAGE/checkpoint"
}

steps() {
    run stage=collect "collect.out=$DATA" "workers=$CORES" "$@" &&
        run stage=train "collect.out=$DATA" "train.out=$TRAIN" "train.workers=$((CORES > 4 ? CORES / 2 : 0))" "$@" &&
        run stage=evaluate "checkpoint=$(last_checkpoint)" "collect.out=$DATA" "out=$RESULTS" "workers=$((CORES > 8 ? 8 : CORES))" video=3 "$@"
}

if [ "$PLAN" != 1 ]; then
    mkdir -p "$OUT"
    unpack
fi

state=unfinished
steps "$@" && state=finished
[ "$PLAN" = 1 ] && exit 0
pack
echo "$state after $((SECONDS - START)) s"
