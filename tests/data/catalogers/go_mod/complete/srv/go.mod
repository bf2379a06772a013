// Deprecated: an example
module example.com/acme/srv // the path

go 1.22.1

toolchain go1.22.4

godebug (
	default=go1.21
	panicnil=1
)

require (
	github.com/gorilla/mux v1.8.0
	"golang.org/x/text" v0.3.7 // indirect
	`gopkg.in/yaml.v3` v3.0.1 //indirect
	github.com/docker/docker v20.10.7+incompatible
	k8s.io/api v0.0.0-20240101000000-0123456789ab
)

require github.com/old/fork v1.0.0

exclude github.com/gorilla/mux v1.7.0

replace (
	github.com/old/fork => github.com/new/fork/v2 v2.1.0
	golang.org/x/text v0.3.7 => golang.org/x/text v0.3.8
	golang.org/x/text v0.3.0 => golang.org/x/text v0.3.1
)

retract [v1.0.0, v1.9.9] // broken
retract (
	v2.0.0
)

tool example.com/acme/srv/cmd/gen

ignore ./node_modules
