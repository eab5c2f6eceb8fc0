//go:build tools

// Package tools pins the simulated nodes of the scale layer.
package tools

import _ "sigs.k8s.io/kwok/cmd/kwok"
