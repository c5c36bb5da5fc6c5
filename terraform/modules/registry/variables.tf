variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "location" {
  description = "Region of the repository."
  type        = string
}

variable "name" {
  description = "Id of the repository."
  type        = string
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "name is ${var.name}; it has to be at most 63 small letters, digits and hyphens, beginning with a letter."
  }
}

variable "kms_key" {
  description = "Id of the key that encrypts the images; none for one of Google's."
  type        = string
  default     = null
}

variable "keep_versions" {
  description = "How many versions of each image are kept at least."
  type        = number
  default     = 20
  validation {
    condition     = var.keep_versions >= 3
    error_message = "keep_versions is ${var.keep_versions}; it has to be at least 3: what runs, what ran before, what comes next."
  }
}

variable "untagged_days" {
  description = "Days after which an image without a tag goes."
  type        = number
  default     = 14
}

variable "readers" {
  description = "Service accounts that pull, by a name."
  type        = map(string)
  default     = {}
}

variable "writers" {
  description = "Service accounts that push, by a name."
  type        = map(string)
  default     = {}
}

variable "labels" {
  description = "Labels of the repository."
  type        = map(string)
  default     = {}
}
