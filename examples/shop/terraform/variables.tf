variable "region" {
  description = "Where the shop runs"
  type        = string
  default     = "eu-central-1"
}

variable "subnets" {
  description = "Subnets of the cluster and the database"
  type        = list(string)
}

variable "network" {
  description = "The virtual network that they lie in"
  type        = string
}

variable "database_password" {
  description = "Password of the ledger"
  type        = string
  default     = "change-me"
}
