variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "project_number" {
  description = "The project's number, which the names of Google's service agents carry."
  type        = string
  validation {
    condition     = can(regex("^[0-9]+$", var.project_number))
    error_message = "project_number is ${var.project_number}; it is digits alone (gcloud projects describe PROJECT)."
  }
}

variable "name" {
  description = "Name of the key ring."
  type        = string
}

variable "region" {
  description = "Region of the keys: that of the data."
  type        = string
}
