variable "project" {
  description = "Google Cloud project; one for each environment."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is ${var.project}; it is a project's id: 6 to 30 small letters, digits and hyphens."
  }
}

variable "environment" {
  description = "dev, staging or prod; everything is named fairlead-ENVIRONMENT."
  type        = string
  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment is ${var.environment}; allowed: dev, staging, prod."
  }
}

variable "region" {
  description = "Region of everything."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is ${var.region}; it is a name such as europe-west1 (gcloud compute regions list)."
  }
}

variable "zone" {
  description = "Zone of the cluster where it is not highly available."
  type        = string
  validation {
    condition     = startswith(var.zone, "${var.region}-")
    error_message = "zone is ${var.zone}; it has to be one of the region ${var.region}, such as ${var.region}-b."
  }
}

variable "highly_available" {
  description = "Three zones for the cluster, a second one for Postgres and Redis."
  type        = bool
}

variable "protected" {
  description = "Refuse to delete the cluster, Postgres, and buckets with objects in them."
  type        = bool
  validation {
    condition     = var.protected || var.environment != "prod"
    error_message = "protected is false; prod has to be protected from deletion."
  }
}

variable "own_keys" {
  description = "Encrypt with keys of our own (CMEK) instead of Google's."
  type        = bool
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
}

variable "release_channel" {
  description = "How new Kubernetes is: RAPID, REGULAR, STABLE or EXTENDED."
  type        = string
}

variable "pools" {
  description = "Pools of nodes, as the module cluster takes them."
  type = map(object({
    machine_type = string
    min_nodes    = number
    max_nodes    = number
    disk_gb      = optional(number, 100)
    spot         = optional(bool, false)
    tainted      = optional(bool, false)
  }))
}

variable "binary_authorization" {
  description = "off, audit or enforce."
  type        = string
}

variable "allowed_images" {
  description = "Where images may come from, besides ghcr.io/fairlead, the registry made here, and what the overlays stand on."
  type        = list(string)
  default     = []
}

variable "postgres" {
  description = "Size of Postgres, as the module database takes it."
  type = object({
    tier      = string
    disk_gb   = optional(number, 20)
    backups   = optional(number, 14)
    databases = optional(set(string), ["mlflow"])
  })
}

variable "redis_memory_gb" {
  description = "Memory of Redis in GB."
  type        = number
}

variable "run_artifacts_days" {
  description = "Days after which the artifacts of pipeline runs go; registered bundles are elsewhere and stay."
  type        = number
  validation {
    condition     = var.run_artifacts_days >= 30
    error_message = "run_artifacts_days is ${var.run_artifacts_days}; it has to be at least 30: Kubeflow's cache points at them."
  }
}

variable "github" {
  description = "Repository whose workflows push images; none for no such account."
  type = object({
    repository = string
    owner_id   = string
    refs       = optional(list(string), ["refs/heads/main"])
  })
  default = null
}

variable "labels" {
  description = "Further labels of everything."
  type        = map(string)
  default     = {}
}
