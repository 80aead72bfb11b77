#!/usr/bin/env bash
# From your own machine: a spot TPU VM that sweeps, is started again whenever it is taken
# away, and is deleted when the sweep is done. Needs gcloud, logged in.
#
#   tpu_vm.sh ZONE TYPE VERSION BUCKET NAME [overrides …]
#   tpu_vm.sh us-west4-a v5litepod-8 v2-alpha-tpuv5-lite gs://mine sizes \
#       model=wavenet/nano,lstm/1x16 'seed=range(32)' data=capture \
#       data.input=data/dry.wav data.target=data/amp.wav
#
# On a slice of several hosts, every host is a machine of its own and takes the jobs of
# the seeds that are its share: give SEEDS=N instead of seed=…
# Not run against a real cloud.
set -euo pipefail
zone="$1" type="$2" version="$3" bucket="$4" name="$5"
shift 5
repository="${REPOSITORY:-$(git remote get-url origin)}"
tpu() { gcloud compute tpus tpu-vm "$1" "jaxamp-$name" --zone "$zone" "${@:2}"; }

remote=$(cat <<END
set -euo pipefail
test -d jaxamp || git clone --quiet '$repository' jaxamp
worker=\$(hostname | sed -n 's/.*-w-\([0-9]*\)\$/\1/p'); worker=\${worker:-0}
hosts=\$(curl -s -H 'Metadata-Flavor: Google' \
  http://metadata.google.internal/computeMetadata/v1/instance/attributes/worker-network-endpoints |
  tr ',' '\n' | grep -c . || true)
share=()
if [ -n '${SEEDS:-}' ]; then
  share=("seed=range(\$worker,${SEEDS:-0},\$((hosts > 1 ? hosts : 1)))" train.processes=1)
  export TPU_PROCESS_BOUNDS=1,1,1 TPU_CHIPS_PER_PROCESS_BOUNDS=2,2,1
  export TPU_VISIBLE_DEVICES=0,1,2,3 # each host by itself
fi
jaxamp/experiments/cloud/sweep.sh tpu '$bucket' '$name' "\${share[@]}" $(printf '%q ' "$@") ||
  [ \$? = 2 ] # jobs failed for good: what they say is in their folders
END
)

until
  tpu describe >/dev/null 2>&1 ||
    tpu create --accelerator-type "$type" --version "$version" --spot
  tpu ssh --worker=all --command "$remote"
do
  echo "The machine was taken away or the sweep failed; again in a minute."
  sleep 60
  tpu delete --quiet || true
done
tpu delete --quiet
gcloud storage rsync --recursive "$bucket/$name" "runs/$name"
uv run jaxamp compare "runs/$name"
