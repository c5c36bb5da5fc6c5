variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "name" {
  description = "Name of the cluster, and prefix of what belongs to it."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,22}[a-z0-9]$", var.name))
    error_message = "name is ${var.name}; it has to be 6 to 24 small letters, digits and hyphens: service accounts are named after it."
  }
}

variable "location" {
  description = "Region (three control planes) or zone (one)."
  type        = string
}

variable "network" {
  description = "Id of the network."
  type        = string
}

variable "subnetwork" {
  description = "Id of the subnetwork."
  type        = string
}

variable "pods_range" {
  description = "Name of the subnetwork's range for pods."
  type        = string
}

variable "services_range" {
  description = "Name of the subnetwork's range for Services."
  type        = string
}

variable "control_plane_cidr" {
  description = "Addresses of the control plane: a /28 that nothing else uses."
  type        = string
  default     = "172.16.0.0/28"
  validation {
    condition     = can(cidrhost(var.control_plane_cidr, 0)) && endswith(var.control_plane_cidr, "/28")
    error_message = "control_plane_cidr is ${var.control_plane_cidr}; Google asks for a /28, such as 172.16.0.0/28."
  }
}

variable "private_endpoint" {
  description = "Reach the API server from inside of the network alone."
  type        = bool
  default     = true
}

variable "authorized_networks" {
  description = "Who may reach the API server: ranges by a name."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for cidr in values(var.authorized_networks) : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "authorized_networks: every value has to be a range such as 203.0.113.0/24, and none may be the whole internet."
  }
}

variable "release_channel" {
  description = "How new Kubernetes is: RAPID, REGULAR, STABLE or EXTENDED."
  type        = string
  default     = "REGULAR"
  validation {
    condition     = contains(["RAPID", "REGULAR", "STABLE", "EXTENDED"], var.release_channel)
    error_message = "release_channel is ${var.release_channel}; allowed: RAPID, REGULAR, STABLE, EXTENDED. Without a channel nodes get no security fixes by themselves."
  }
}

variable "maintenance" {
  description = "When Google may upgrade: a window as RFC 3339 times and an RFC 5545 recurrence; at least 48 h in 32 days."
  type = object({
    start_time = optional(string, "2026-01-03T02:00:00Z")
    end_time   = optional(string, "2026-01-03T10:00:00Z")
    recurrence = optional(string, "FREQ=WEEKLY;BYDAY=SA,SU")
  })
  default = {}
}

variable "pools" {
  description = "Pools of nodes by name; nodes carry the label fairlead.dev/pool=NAME and, where tainted, the same as a taint."
  type = map(object({
    machine_type = string
    min_nodes    = number
    max_nodes    = number
    disk_gb      = optional(number, 100)
    spot         = optional(bool, false)
    tainted      = optional(bool, false)
  }))
  validation {
    condition     = alltrue([for name in ["system", "serving", "training"] : contains(keys(var.pools), name)])
    error_message = "pools are ${join(", ", keys(var.pools))}; there have to be system, serving and training."
  }
  validation {
    condition     = alltrue([for p in values(var.pools) : p.min_nodes >= 0 && p.max_nodes >= max(1, p.min_nodes)])
    error_message = "pools: max_nodes has to be at least 1 and at least min_nodes."
  }
  validation {
    condition     = alltrue([for name, p in var.pools : !p.spot || p.tainted])
    error_message = "pools: a pool of spot nodes has to be tainted, or pods that cannot bear to be evicted land there."
  }
  validation {
    condition     = try(var.pools["system"].min_nodes >= 1 && !var.pools["system"].tainted && !var.pools["system"].spot, true)
    error_message = "pools: system has to have a node at all times, without a taint and not spot; everything without a pool runs there."
  }
}

variable "binary_authorization" {
  description = "off, audit (images from elsewhere are written to the audit log) or enforce (they are refused)."
  type        = string
  default     = "audit"
  validation {
    condition     = contains(["off", "audit", "enforce"], var.binary_authorization)
    error_message = "binary_authorization is ${var.binary_authorization}; allowed: off, audit, enforce."
  }
}

variable "allowed_images" {
  description = "Where images may come from, as patterns such as ghcr.io/fairlead/*."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for p in var.allowed_images : can(regex("^[a-z0-9.-]+[.:][a-z0-9.-]+/.+", p))])
    error_message = "allowed_images: every pattern has to begin with a registry and a path, such as ghcr.io/fairlead/*."
  }
}

variable "kms_key" {
  description = "Id of the key that encrypts Kubernetes Secrets; none for one of Google's."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Refuse to delete the cluster."
  type        = bool
  default     = true
}

variable "labels" {
  description = "Labels of the cluster."
  type        = map(string)
  default     = {}
}
