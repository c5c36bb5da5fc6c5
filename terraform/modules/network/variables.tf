variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "name" {
  description = "Name of the network and prefix of what is in it."
  type        = string
}

variable "region" {
  description = "Region, such as europe-west1."
  type        = string
}

variable "nodes_cidr" {
  description = "Addresses of the nodes."
  type        = string
  default     = "10.0.0.0/20"
  validation {
    condition     = can(cidrhost(var.nodes_cidr, 0)) && try(tonumber(split("/", var.nodes_cidr)[1]), 32) <= 24
    error_message = "nodes_cidr is ${var.nodes_cidr}; it has to be a range of at least 256 addresses, such as 10.0.0.0/20."
  }
}

variable "pods_cidr" {
  description = "Addresses of the pods; each node takes a /24 of them."
  type        = string
  default     = "10.16.0.0/14"
  validation {
    condition     = can(cidrhost(var.pods_cidr, 0)) && try(tonumber(split("/", var.pods_cidr)[1]), 32) <= 20
    error_message = "pods_cidr is ${var.pods_cidr}; it has to hold a /24 for each node, so /20 (16 nodes) or more."
  }
}

variable "services_cidr" {
  description = "Addresses of the Services."
  type        = string
  default     = "10.4.0.0/20"
  validation {
    condition     = can(cidrhost(var.services_cidr, 0)) && try(tonumber(split("/", var.services_cidr)[1]), 32) <= 24
    error_message = "services_cidr is ${var.services_cidr}; it has to be a range of at least 256 addresses."
  }
}

variable "managed_cidr" {
  description = "Addresses that Cloud SQL and Memorystore take theirs from."
  type        = string
  default     = "10.8.0.0/20"
  validation {
    condition     = can(cidrhost(var.managed_cidr, 0)) && try(tonumber(split("/", var.managed_cidr)[1]), 32) <= 24
    error_message = "managed_cidr is ${var.managed_cidr}; Google asks for a range of at least 256 addresses (/24)."
  }
}
