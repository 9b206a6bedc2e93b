package main

import (
	"strings"
	"testing"
)

func TestGreetingNamesTheVersion(t *testing.T) {
	version = "v7"
	if !strings.HasPrefix(greeting(), "ping v7 for ") {
		t.Fatalf("greeting() = %q", greeting())
	}
}
