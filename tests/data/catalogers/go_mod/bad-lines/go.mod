module example.com/bad

go 1.21
frobnicate x
require github.com/a/b
require github.com/c/d master
require "unclosed v1.0.0
/* no */
replace a/b v1.0.0
require github.com/e/f v1.0.0
require (
	github.com/g/h v1.0.0
