/** One setting as the host hands it over: checked against the schema already. */
@final
export class Setting {
  name: string = '';
  number: f64 = 0;
  truth: bool = false;
  text: string = '';
}
