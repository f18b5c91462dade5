//go:build !linux

package main

// lowerPriority would make this process give way to others.
func lowerPriority() {}
