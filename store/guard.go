package store

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// guarded runs fn and makes an error of a memory fault in it. Reading from a
// mapped file meets one where the disk fails or the file has been cut short
// meanwhile, and would otherwise end the process.
func guarded(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		fault, ok := r.(interface {
			runtime.Error
			Addr() uintptr
		})
		if !ok {
			panic(r)
		}
		err = fmt.Errorf("a part of the file cannot be read (%w)", fault)
	}()
	return fn()
}
