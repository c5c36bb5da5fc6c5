variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "prefix" {
  description = "What names of service accounts begin with."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,16}[a-z0-9]$", var.prefix))
    error_message = "prefix is ${var.prefix}; it has to be 3 to 18 small letters, digits and hyphens: a service account's name has 30 at most."
  }
}

variable "workload_pool" {
  description = "The cluster's workload pool: PROJECT.svc.id.goog."
  type        = string
}

variable "buckets" {
  description = "Full bucket names by their short ones."
  type        = map(string)
}

variable "workloads" {
  description = "Workloads by name: the Kubernetes service account they run under, and read or write for each bucket they use."
  type = map(object({
    namespace       = string
    service_account = string
    buckets         = optional(map(string), {})
  }))
  validation {
    condition     = alltrue(flatten([for w in values(var.workloads) : [for access in values(w.buckets) : contains(["read", "write"], access)]]))
    error_message = "workloads: access to a bucket is read or write."
  }
  validation {
    condition     = alltrue([for name in keys(var.workloads) : can(regex("^[a-z][a-z0-9-]{0,10}$", name))])
    error_message = "workloads: a name has at most 11 small letters, digits and hyphens."
  }
  validation {
    condition     = length(distinct([for w in values(var.workloads) : "${w.namespace}/${w.service_account}"])) == length(var.workloads)
    error_message = "workloads: two of them share a Kubernetes service account, and with it what both may do."
  }
  validation {
    condition     = alltrue([for w in values(var.workloads) : w.service_account != "default" && w.namespace != "default"])
    error_message = "workloads: not the service account or namespace `default`: every pod that names none would be the workload."
  }
}

variable "github" {
  description = "Repository whose workflows push images, its owner's number, and the refs they may run on; none for no such account."
  type = object({
    repository = string
    owner_id   = string
    refs       = optional(list(string), ["refs/heads/main"])
  })
  default = null
  validation {
    condition     = var.github == null || can(regex("^[\\w.-]+/[\\w.-]+$", var.github.repository))
    error_message = "github.repository has to be OWNER/NAME."
  }
  validation {
    condition     = var.github == null || can(regex("^[0-9]+$", var.github.owner_id))
    error_message = "github.owner_id has to be the owner's number: gh api users/OWNER --jq .id"
  }
  validation {
    condition     = var.github == null || try(length(var.github.refs) > 0 && alltrue([for ref in var.github.refs : can(regex("^refs/(heads|tags)/[\\w./-]+$", ref))]), false)
    error_message = "github.refs has to name branches or tags in full, such as refs/heads/main; never refs/pull."
  }
}
