//go:build tools

// Package tools keeps what is built from this module, but not imported by it, in go.mod.
package tools

import _ "github.com/prometheus-operator/prometheus-operator/cmd/operator"
