#!/bin/sh
# A kind cluster with ClawGym in namespace "clawgym", from the sources of this folder. Needs docker, kind 0.29
# or newer, kubectl and helm. Again: brings the cluster up to date, and restarts what has another image than
# before. `kind delete cluster --name clawgym` removes it.
set -eu
cd "$(dirname "$0")/.."

version=$(kind version | sed -n 's/^kind v\([0-9]*\.[0-9]*\).*/\1/p')
case $version in
  0.[0-9] | 0.1[0-9] | 0.2[0-8])
    echo "deploy/kind.sh: this is kind $version; install 0.29 or newer (https://kind.sigs.k8s.io) and run this again" >&2
    exit 1
    ;;
esac

kind get clusters | grep -qx clawgym || kind create cluster --config kind-config.yaml --wait 2m
kubectl config use-context kind-clawgym

# What a cluster admin does once. Before the images: a cluster that is too old is refused here.
helm upgrade --install clawgym-crds charts/clawgym-crds --namespace default
kubectl create namespace clawgym --dry-run=client --output yaml | kubectl apply --filename -
kubectl label --overwrite namespace clawgym pod-security.kubernetes.io/enforce=restricted

set --
for image in operator server runner agent-pi agent-openclaw; do
  docker build --file deploy/images/Dockerfile --target "$image" --tag "clawgym-$image:dev" .
  # The tag names what the image holds: under one that stays the same, pods that run would keep the old one.
  id=$(docker image inspect --format '{{.Id}}' "clawgym-$image:dev")
  tag=dev-$(printf '%.12s' "${id#sha256:}")
  docker tag "clawgym-$image:dev" "clawgym-$image:$tag"
  kind load docker-image --name clawgym "clawgym-$image:$tag"
  set -- "$@" --set "images.${image#agent-}.tag=$tag"
done

helm upgrade --install clawgym charts/clawgym --namespace clawgym "$@" --wait --timeout 5m
