variable "project" {
  description = "Google Cloud project of this environment."
  type        = string
}

variable "region" {
  description = "Region of everything."
  type        = string
  default     = "europe-west1"
}

variable "authorized_networks" {
  description = "Who may reach the API server: ranges by a name, such as { office = \"203.0.113.0/24\" }."
  type        = map(string)
  default     = {}
}

variable "github" {
  description = "Repository whose workflows push images: { repository = \"OWNER/NAME\", owner_id = \"NUMBER\" }."
  type        = object({ repository = string, owner_id = string })
  default     = null
}
