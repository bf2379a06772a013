module example.com/local

go 1.21

require (
	example.com/lib v1.2.3
	example.com/out v1.0.0
	example.com/drive v1.0.0
)

replace example.com/lib => ../lib

replace example.com/drive => C:\src\drive

exclude example.com/out v1.0.0
