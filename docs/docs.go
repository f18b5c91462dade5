// Package docs holds the pages that the program serves itself.
package docs

import _ "embed"

// OpenAPI describes the JSON interface of the admin address, in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte
