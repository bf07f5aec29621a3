#!/usr/bin/env bash
# Builds the Containerfile with what Debian offers, where there is no registry of images and no engine: the base is
# made by mmdebstrap, the image by Buildah. Then runs it as its user, asks it, and ends it.
#   apt-get install mmdebstrap buildah; container.sh MODEL.tflite PICTURE.png [FOLDER]
set -euo pipefail
model=$(realpath "$1") picture=$(realpath "$2") folder=${3:-$(mktemp -d)}
source=$(realpath "$(dirname "$0")/../../..")
export BUILDAH_ISOLATION=chroot # no cgroups or namespaces are needed
image() { buildah --root "$folder/images" --runroot "$folder/run" --storage-driver vfs "$@"; }

python=python3,python3-venv,python-is-python3,ca-certificates
mmdebstrap --variant=minbase --include="$python" bookworm "$folder/base.tar"
base=$(image from scratch)
image add "$base" "$folder/base.tar" /
image commit "$base" localhost/base
image build --format docker --network host --volume /etc/ssl/certs:/etc/ssl/certs:ro \
  --build-arg BASE=localhost/base -t classify -f "$source/studies/resnet-service/serving/Containerfile" "$source"

made=$(image from classify)
user=$(image inspect --format '{{.OCIv1.Config.User}}' "$made")
service=(/opt/service/bin/tflconv serve --host 0.0.0.0 --port 8321 --workers 1)
inside=$(image mount "$made")
install -Dm644 "$model" "$inside/models/model.tflite"
image run --user "$user" "$made" -- "${service[@]}" /models/model.tflite &
running=$!
end() { kill "$(pgrep -f '^/opt/service/bin/python .*--port 8321')"; wait $running; }
trap end EXIT
until curl -sf localhost:8321/readyz; do sleep 0.2; done
curl -sf -H 'Content-Type: image/png' --data-binary "@$picture" localhost:8321/models/model/classify
image run --user "$user" "$made" -- sh -c 'id; ! touch /opt/service/mine 2>/dev/null'
