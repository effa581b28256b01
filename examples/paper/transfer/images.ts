/** The images of the second data set, which the settings of a run decide. */
import { type Dataset, loadDataset } from '../../data/index.js';
import type { TransferSettings } from './settings.js';

export const imagesOf = ({ digits }: Pick<TransferSettings, 'digits'>): Promise<Dataset> =>
  loadDataset('mnist', digits);
