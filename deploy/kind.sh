#!/bin/sh
# A kind cluster with ClawGym in namespace "clawgym", from the sources of this folder. Needs docker, kind,
# kubectl and helm. Again: brings the cluster up to date. `kind delete cluster --name clawgym` removes it.
set -eu
cd "$(dirname "$0")/.."

kind get clusters | grep -qx clawgym || kind create cluster --config kind-config.yaml --wait 2m
for image in operator server runner agent-pi agent-openclaw; do
  docker build --file deploy/images/Dockerfile --target "$image" --tag "clawgym-$image:dev" .
  kind load docker-image --name clawgym "clawgym-$image:dev"
done
kubectl config use-context kind-clawgym

# What a cluster admin does once.
helm upgrade --install clawgym-crds charts/clawgym-crds --namespace default
kubectl create namespace clawgym --dry-run=client --output yaml | kubectl apply --filename -
kubectl label --overwrite namespace clawgym pod-security.kubernetes.io/enforce=restricted

helm upgrade --install clawgym charts/clawgym --namespace clawgym --set image.tag=dev --wait --timeout 5m
