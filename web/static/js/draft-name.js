// The name of the form's draft among the drafts that the phone keeps; "my reports" hands refused reports back there.
export const NAME = "form";
