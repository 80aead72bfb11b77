#!/usr/bin/env bash
# On a fresh machine with a GPU or TPU: install, fetch, sweep, keep everything in a bucket.
#
#   sweep.sh EXTRA BUCKET NAME [overrides of `jaxamp train -m` …]
#
# EXTRA is cuda12, cuda13 or tpu. BUCKET is a gs:// or s3:// folder that holds data/ with
# the recordings; runs go to BUCKET/NAME every two minutes and come back from there, so a
# machine that is taken away costs two minutes, and the same line on the next one goes on.
# Run with a folder as BUCKET on a CPU (EXTRA joblib); not against a real cloud.
set -euo pipefail
extra="$1" bucket="$2" name="$3"
shift 3

copy() { # from, to; a file that changes meanwhile is for the next time
  case "$bucket" in
    gs://*) gcloud storage rsync --recursive --quiet --skip-if-dest-has-newer-mtime "$@" ;;
    s3://*) aws s3 sync --quiet "$@" ;;
    *) mkdir -p "$2" && cp -ru "$1"/. "$2" ;; # a folder, to try this script out
  esac
}

there() { # whether the bucket has a folder
  case "$bucket" in
    gs://*) gcloud storage ls "$1" >/dev/null 2>&1 ;;
    s3://*) aws s3 ls "$1/" >/dev/null 2>&1 ;;
    *) [ -d "$1" ] ;;
  esac
}

cd "$(dirname "$0")/../.."
python3 -m pip install --quiet --user uv
export PATH="$HOME/.local/bin:$PATH"
uv sync --quiet --extra "$extra"
mkdir -p data "runs/$name"
copy "$bucket/data" data
if there "$bucket/$name"; then copy "$bucket/$name" "runs/$name"; fi

while sleep 120; do copy "runs/$name" "$bucket/$name" || true; done &
keeper=$!
status=0
uv run --extra "$extra" jaxamp train -m hydra/launcher=population \
  "hydra.sweep.dir=runs/$name" "$@" || status=$?
kill "$keeper" 2>/dev/null || true
copy "runs/$name" "$bucket/$name"
exit "$status"
