variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "prefix" {
  description = "What bucket names begin with; they are unique in all the world, so the project's id is a good one."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,40}[a-z0-9]$", var.prefix)) && !startswith(var.prefix, "goog")
    error_message = "prefix is ${var.prefix}; it has to be 3 to 42 small letters, digits and hyphens, and not begin with goog."
  }
}

variable "location" {
  description = "Where the data lies: a region, or a multi-region such as EU."
  type        = string
}

variable "buckets" {
  description = "Buckets by name. Days: old versions kept, deleted ones restorable, all deleted after, moved to cheaper storage after."
  type = map(object({
    old_versions_days   = optional(number, 30)
    soft_delete_days    = optional(number, 7)
    delete_after_days   = optional(number)
    nearline_after_days = optional(number)
  }))
  validation {
    condition     = alltrue([for b in values(var.buckets) : b.soft_delete_days == 0 || (b.soft_delete_days >= 7 && b.soft_delete_days <= 90)])
    error_message = "buckets: soft_delete_days has to be 0 (off) or 7 to 90."
  }
  validation {
    condition     = alltrue([for b in values(var.buckets) : b.old_versions_days >= 1])
    error_message = "buckets: old_versions_days has to be at least 1; fewer would make versioning useless."
  }
}

variable "kms_key" {
  description = "Id of the key that encrypts the objects; none for one of Google's."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete buckets with objects in them."
  type        = bool
  default     = false
}

variable "labels" {
  description = "Labels of the buckets."
  type        = map(string)
  default     = {}
}
