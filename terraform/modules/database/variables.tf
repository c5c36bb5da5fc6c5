variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "name" {
  description = "Name of the Postgres instance. One that was deleted cannot be used again for a week."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
}

variable "network" {
  description = "Id of a network with private services access (output `managed` of the module network)."
  type        = string
}

variable "postgres" {
  description = "Size of Postgres, the number of daily backups kept, and its databases."
  type = object({
    tier      = string
    disk_gb   = optional(number, 20)
    backups   = optional(number, 14)
    databases = optional(set(string), ["mlflow"])
  })
  validation {
    condition     = var.postgres.backups >= 7 && var.postgres.backups <= 365
    error_message = "postgres.backups is ${var.postgres.backups}; it has to be 7 to 365."
  }
}

variable "redis_memory_gb" {
  description = "Memory of Redis in GB."
  type        = number
  default     = 1
  validation {
    condition     = var.redis_memory_gb >= 1 && var.redis_memory_gb <= 300
    error_message = "redis_memory_gb is ${var.redis_memory_gb}; it has to be 1 to 300."
  }
}

variable "users" {
  description = "Service accounts that log in to Postgres, by a name."
  type        = map(string)
  default     = {}
}

variable "highly_available" {
  description = "A second zone stands by, for Postgres and for Redis."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Refuse to delete Postgres."
  type        = bool
  default     = true
}

variable "postgres_kms_key" {
  description = "Id of the key that encrypts Postgres; none for one of Google's."
  type        = string
  default     = null
}

variable "redis_kms_key" {
  description = "Id of the key that encrypts Redis; none for one of Google's."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of both."
  type        = map(string)
  default     = {}
}
