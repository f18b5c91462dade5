package http

import "net"

const netHTTP = "net/http"

// engines are the kinds of listeners by what serves them.
var engines = map[string]func(net.Listener) net.Listener{"epoll": direct, netHTTP: wrap}
