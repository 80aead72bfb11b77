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

copy() {
  case "$bucket" in
    gs://*) gcloud storage rsync --recursive --quiet "$1" "$2" ;;
    s3://*) aws s3 sync --quiet "$1" "$2" ;;
    *) mkdir -p "$2" && cp -r "$1"/. "$2" ;;  # a folder, to try this script out
  esac
}

cd "$(dirname "$0")/../.."
python3 -m pip install --quiet --user uv
export PATH="$HOME/.local/bin:$PATH"
uv sync --quiet --extra "$extra"
mkdir -p data "runs/$name"
copy "$bucket/data" data
copy "$bucket/$name" "runs/$name" 2>/dev/null || true # nothing there yet

while sleep 120; do copy "runs/$name" "$bucket/$name"; done &
keeper=$!
trap 'kill "$keeper" 2>/dev/null; copy "runs/$name" "$bucket/$name"' EXIT
uv run --extra "$extra" jaxamp train -m hydra/launcher=population \
  "hydra.sweep.dir=runs/$name" "$@"
